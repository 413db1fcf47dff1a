#include "server/node/version.h"

namespace topod::node {

std::string_view topod_version() { return TOPOD_VERSION; }

std::string_view protocol_version() {
  return "3.9.4-topod-" TOPOD_VERSION ", built on 08/01/2026 00:00 GMT";
}

}  // namespace topod::node
