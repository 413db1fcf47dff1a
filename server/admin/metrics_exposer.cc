#include "server/admin/metrics_exposer.h"

#include <exception>
#include <vector>

#include <prometheus/exposer.h>

#include "server/admin/http_server.h"

namespace topod::admin {

namespace {

std::vector<std::string> options(const std::string& where) {
  return {"listening_ports",  where,  "num_threads",       "2", "request_timeout_ms", "5000",
          "max_request_size", "8192", "enable_keep_alive", "no"};
}

}  // namespace

MetricsExposer::MetricsExposer(std::string address, Metrics::Ask ask)
    : address_(std::move(address)), metrics_(std::make_shared<Metrics>(std::move(ask))) {}

MetricsExposer::~MetricsExposer() {
  if (exposer_ != nullptr) stop_listening(address_, port_, [this] { exposer_.reset(); });
}

tl::expected<std::unique_ptr<MetricsExposer>, std::string> MetricsExposer::start(
    const std::string& address, uint16_t port, Metrics::Ask ask) {
  std::unique_ptr<MetricsExposer> made(new MetricsExposer(address, std::move(ask)));
  const std::string where = listening_address(address, port);
  try {
    made->exposer_ = std::make_unique<prometheus::Exposer>(options(where));
  } catch (const std::exception& error) {  // the library's way
    return tl::unexpected("cannot serve HTTP at " + where + ": " + error.what());
  }
  made->exposer_->RegisterCollectable(made->metrics_);
  const std::vector<int> ports = made->exposer_->GetListeningPorts();
  if (!ports.empty()) made->port_ = static_cast<uint16_t>(ports.front());
  return made;
}

}  // namespace topod::admin
