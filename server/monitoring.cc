#include "server/monitoring.h"

#include <algorithm>
#include <chrono>

#include <asio/ip/tcp.hpp>

#include "server/node/logging.h"

namespace topod::server {

namespace {

using std::chrono::milliseconds;

// A scrape may wait as long as Prometheus usually does between two. A probe less: whoever kills
// what does not answer shall hear that it does not, and not run into a timeout of his own.
constexpr auto kScrapeMax = milliseconds(3'000);
constexpr auto kProbeMax = milliseconds(900);

admin::LoopSilence silence_of(node::LoopGate::Silence silence) {
  switch (silence) {
    case node::LoopGate::Silence::kStarting: return admin::LoopSilence::kStarting;
    case node::LoopGate::Silence::kStopping: return admin::LoopSilence::kStopping;
    case node::LoopGate::Silence::kNoAnswer: break;
  }
  return admin::LoopSilence::kNoAnswer;
}

}  // namespace

Monitoring::Monitoring(asio::io_context& io, const node::Config& config)
    : io_(io),
      config_(config),
      gate_(io),
      status_(admin::Whitelist(config.four_letter_words),
              [this](admin::HttpStatus::Question question) {
                return ask_status(std::move(question));
              }) {
  if (config.metrics_port < 0) return;
  const int depth = config.metrics_path_depth;
  meters_.emplace(node::Meters{node::LoadMeter(depth), node::LockWatch(std::max(depth, 1))});
}

Monitoring::~Monitoring() { stop(); }

// The HTTP servers know only numbers.
tl::expected<std::string, std::string> Monitoring::numeric_address(const std::string& host) {
  asio::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (!error) return address.to_string();
  asio::ip::tcp::resolver resolver(io_);
  const auto found = resolver.resolve(host, "", error);
  if (error || found.empty()) {
    return tl::unexpected("cannot resolve " + host + ": " + error.message());
  }
  return found.begin()->endpoint().address().to_string();
}

tl::expected<void, std::string> Monitoring::listen() {
  if (config_.metrics_port >= 0) {
    auto exposer = numeric_address(config_.metrics_address).and_then([&](const std::string& host) {
      return admin::MetricsExposer::start(host, static_cast<uint16_t>(config_.metrics_port),
                                          [this] { return ask_metrics(); });
    });
    if (!exposer) return tl::unexpected("metrics: " + exposer.error());
    exposer_ = std::move(*exposer);
    node::log_info("monitoring", "metrics for Prometheus at /metrics",
                   {{"address", config_.metrics_address}, {"port", exposer_->port()}});
  }
  if (config_.status_port >= 0) {
    auto http = numeric_address(config_.status_address).and_then([&](const std::string& host) {
      return admin::HttpServer::start(
          host, static_cast<uint16_t>(config_.status_port),
          [this](std::string_view path, std::string_view) { return status_.answer(path); });
    });
    if (!http) {
      node::log_error("monitoring", "the HTTP status is not served", {{"why", http.error()}});
      return {};
    }
    http_ = std::move(*http);
    node::log_info("monitoring", "HTTP status at /healthz, /readyz and /commands",
                   {{"address", config_.status_address}, {"port", http_->port()}});
  }
  return {};
}

void Monitoring::serve(const node::Administration& administration,
                       const node::MetricsSource::Parts& parts) {
  administration_ = &administration;
  source_.emplace(parts);
  gate_.open();
}

void Monitoring::stop() {
  gate_.close();
  exposer_.reset();
  http_.reset();
}

std::optional<admin::MetricsView> Monitoring::ask_metrics() {
  auto view = gate_.ask(kScrapeMax, [this] { return source_->view(); });
  if (!view) return std::nullopt;
  return std::move(*view);
}

tl::expected<admin::HttpAnswer, admin::LoopSilence> Monitoring::ask_status(
    admin::HttpStatus::Question question) {
  auto answer = gate_.ask(
      kProbeMax, [this, ask = std::move(question)] { return ask(administration_->source()); });
  if (!answer) return tl::unexpected(silence_of(answer.error()));
  return std::move(*answer);
}

}  // namespace topod::server
