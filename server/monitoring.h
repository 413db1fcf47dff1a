// The ports that monitoring reads: Prometheus' and the HTTP status', each if the configuration
// asks for it. Their threads know nothing of the server; they ask the loop, through a gate.
//
// Loop thread only. `listen` binds before the data is loaded, so that probes are answered from the
// beginning; `serve` says whom to ask; `stop` ends the threads, which must be before the loop's
// parts go.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <asio/io_context.hpp>
#include <tl/expected.hpp>

#include "server/admin/http_server.h"
#include "server/admin/http_status.h"
#include "server/admin/metrics_exposer.h"
#include "server/node/administration.h"
#include "server/node/loop_gate.h"
#include "server/node/metrics_source.h"

namespace topod::server {

class Monitoring {
 public:
  Monitoring(asio::io_context& io, const node::Config& config);
  ~Monitoring();
  Monitoring(const Monitoring&) = delete;
  Monitoring& operator=(const Monitoring&) = delete;

  // Metrics that are asked for and cannot be served are an error; an HTTP status is not, as in
  // ZooKeeper, but a line in the log.
  [[nodiscard]] tl::expected<void, std::string> listen();
  // What the node counts with; null: nobody will ask.
  [[nodiscard]] node::Meters* meters() { return meters_ ? &*meters_ : nullptr; }
  void serve(const node::Administration& administration, const node::MetricsSource::Parts& parts);
  void stop();

 private:
  [[nodiscard]] tl::expected<std::string, std::string> numeric_address(const std::string& host);
  [[nodiscard]] std::optional<admin::MetricsView> ask_metrics();
  [[nodiscard]] tl::expected<admin::HttpAnswer, admin::LoopSilence> ask_status(
      admin::HttpStatus::Question question);

  asio::io_context& io_;
  const node::Config& config_;
  node::LoopGate gate_;
  std::optional<node::Meters> meters_;
  // Read by the gate's answers alone, on the loop.
  const node::Administration* administration_ = nullptr;
  std::optional<node::MetricsSource> source_;

  admin::HttpStatus status_;
  std::unique_ptr<admin::HttpServer> http_;
  std::unique_ptr<admin::MetricsExposer> exposer_;
};

}  // namespace topod::server
