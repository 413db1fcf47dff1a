#include "server/admin/metrics.h"

#include <chrono>

#include "server/node/version.h"

namespace topod::admin {

namespace {

using prometheus::MetricType;

constexpr const char* kCompiler =
#if defined(__clang__)
    "clang " __clang_version__;
#else
    "gcc " __VERSION__;
#endif

double number(uint64_t value) { return static_cast<double>(value); }

void add_operations(const MetricsView& view, MetricFamilies& families) {
  const auto label = [](const OperationMetrics& metrics) {
    return std::string(name_of(metrics.op));
  };
  families.family("topod_requests_total", MetricType::Counter,
                  "Requests of clients that were answered, by operation.");
  for (const OperationMetrics& operation : view.operations) {
    families.add(number(operation.latency_us.count()), {{"operation", label(operation)}});
  }
  families.family("topod_request_errors_total", MetricType::Counter,
                  "Of them, those answered with an error.");
  for (const OperationMetrics& operation : view.operations) {
    families.add(number(operation.errors), {{"operation", label(operation)}});
  }
  families.family("topod_request_duration_seconds", MetricType::Histogram,
                  "From the turn of the loop that read a request to its reply.");
  for (const OperationMetrics& operation : view.operations) {
    families.add(operation.latency_us, kSeconds, {{"operation", label(operation)}});
  }
}

void add_clients(const MetricsView& view, MetricFamilies& families) {
  families.family("topod_refusals_total", MetricType::Counter,
                  "Connections, sessions, watches and peers that were turned away, by reason.");
  for (const auto& [reason, count] : view.refusals)
    families.add(number(count), {{"reason", reason}});
  families.gauge("topod_connections", "Open connections of clients.", number(view.connections));
  families.counter("topod_connections_accepted_total", "Connections of clients accepted.",
                   number(view.connections_accepted));
  families.counter("topod_received_bytes_total", "Received from clients.",
                   number(view.bytes_received));
  families.counter("topod_sent_bytes_total", "Sent to clients.", number(view.bytes_sent));
  families.gauge("topod_unsent_bytes", "Replies and events that clients have not read yet.",
                 number(view.unsent_bytes));
  families.gauge("topod_outstanding_requests", "Requests that wait for the log or behind others.",
                 number(view.outstanding_requests));
  families.gauge("topod_outstanding_bytes", "The same in bytes.", number(view.outstanding_bytes));
  families.gauge("topod_in_flight_requests",
                 "Transactions not applied yet, and requests not given to a leader.",
                 number(view.requests_in_flight));
  families.gauge("topod_sessions", "Sessions, of the whole ensemble.", number(view.sessions));
  families.counter("topod_sessions_established_total",
                   "Sessions that began or came back on a connection to this server.",
                   number(view.sessions_begun));
  families.counter("topod_sessions_lost_total",
                   "Sessions that ran out of time; counted by who led then.",
                   number(view.sessions_lost));
  families.gauge("topod_watches", "Watches of this server's clients.", number(view.watches));
  families.counter("topod_watch_events_total", "Watch events sent.", number(view.watch_events));
}

void add_loads(const std::vector<LoadMetrics>& loads, const std::string& by,
               const std::string& label, MetricFamilies& families) {
  families.family("topod_" + by + "_requests_total", MetricType::Counter,
                  "Requests by " + label + ", estimated from one in sixteen.");
  for (const LoadMetrics& load : loads) families.add(number(load.requests), {{label, load.name}});
  families.family("topod_" + by + "_received_bytes_total", MetricType::Counter,
                  "Bytes of requests by " + label + ".");
  for (const LoadMetrics& load : loads) families.add(number(load.bytes), {{label, load.name}});
}

void add_lock_counts(const std::vector<LockMetrics>& locks, MetricFamilies& families) {
  families.family("topod_lock_wait_seconds", MetricType::Histogram,
                  "How long those waited who got a lock; counted by the leader, as all of locks.");
  for (const LockMetrics& lock : locks) families.add(lock.wait_us, kSeconds, {{"path", lock.path}});
  families.family("topod_lock_hold_seconds", MetricType::Histogram,
                  "How long locks were held that are held no more.");
  for (const LockMetrics& lock : locks) families.add(lock.hold_us, kSeconds, {{"path", lock.path}});
  families.family("topod_lock_ends_total", MetricType::Counter,
                  "How contending ended: released, lost with the session, or given_up waiting.");
  for (const LockMetrics& lock : locks) {
    families.add(number(lock.released), {{"path", lock.path}, {"end", "released"}});
    families.add(number(lock.lost), {{"path", lock.path}, {"end", "lost"}});
    families.add(number(lock.given_up), {{"path", lock.path}, {"end", "given_up"}});
  }
}

void add_locks_now(const std::vector<LockMetrics>& locks, MetricFamilies& families) {
  const auto gauges = [&](std::string name, std::string_view help, auto value) {
    families.family(std::move(name), MetricType::Gauge, help);
    for (const LockMetrics& lock : locks) families.add(value(lock), {{"path", lock.path}});
  };
  gauges("topod_lock_holders", "Who hold a lock or lead an election now.",
         [](const LockMetrics& lock) { return number(lock.holders); });
  gauges("topod_lock_waiters", "Who wait for one now.",
         [](const LockMetrics& lock) { return number(lock.waiters); });
  gauges("topod_lock_longest_wait_seconds", "How long the one has waited that waits longest now.",
         [](const LockMetrics& lock) { return static_cast<double>(lock.longest_wait_us) * 1e-6; });
  gauges("topod_lock_longest_hold_seconds", "How long the lock has been held that is held longest.",
         [](const LockMetrics& lock) { return static_cast<double>(lock.longest_hold_us) * 1e-6; });
}

}  // namespace

void add_server_metrics(const MetricsView& view, MetricFamilies& families) {
  families.gauge("topod_uptime_seconds", "Since this server started.",
                 static_cast<double>(view.uptime_ms) * 1e-3);
  add_operations(view, families);
  add_clients(view, families);
  families.gauge("topod_znodes", "Znodes in the tree.", number(view.znodes));
  families.gauge("topod_ephemeral_znodes", "Of them, ephemerals.", number(view.ephemerals));
  families.gauge("topod_data_bytes", "Names and data in the tree.", number(view.data_bytes));
  families.gauge("topod_zxid", "The last transaction applied.", static_cast<double>(view.zxid));
  add_loads(view.by_address, "client", "address", families);
  families.family("topod_client_connections", MetricType::Gauge, "Open connections by address.");
  for (const LoadMetrics& load : view.by_address) {
    families.add(number(load.connections), {{"address", load.name}});
  }
  add_loads(view.by_path, "path", "path", families);
  add_lock_counts(view.locks, families);
  add_locks_now(view.locks, families);
  families.counter("topod_lock_contenders_not_followed_total",
                   "Contenders that were too many to be followed.",
                   number(view.locks_not_followed));
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  const auto began = std::chrono::steady_clock::now();
  const std::optional<MetricsView> view = ask_();
  const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - began;
  MetricFamilies families;
  families.family("topod_build_info", MetricType::Gauge, "Always 1.");
  families.add(1, {{"version", std::string(node::topod_version())}, {"compiler", kCompiler}});
  families.gauge("topod_loop_answered", "Whether the event loop answered this scrape in time.",
                 view ? 1 : 0);
  families.gauge("topod_loop_answer_seconds", "How long it took to.", waited.count());
  const ProcessFigures process = read_process();
  add_process_metrics(process, families);
  if (!view) return families.take();
  add_server_metrics(*view, families);
  add_ensemble_metrics(view->ensemble, families);
  add_storage_metrics(view->storage, families);
  add_zookeeper_metrics(*view, process.open_files, families);
  return families.take();
}

}  // namespace topod::admin
