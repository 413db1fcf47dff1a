// Which program this is, for people and for the clients' parsers. Constants; safe from any thread.
#pragma once

#include <string_view>

namespace topod::node {

// "0.1.0"
[[nodiscard]] std::string_view topod_version();

// "3.9.4-topod-0.1.0, built on 08/01/2026 00:00 GMT": begins with the ZooKeeper release whose
// behaviour is served, for kazoo compares its digits, and carries the date in the form that
// go-zookeeper's pattern asks for. The date is that of the release, so that builds are
// reproducible.
[[nodiscard]] std::string_view protocol_version();

}  // namespace topod::node
