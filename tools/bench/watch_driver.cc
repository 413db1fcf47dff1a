#include "tools/bench/watch_driver.h"

#include "tools/bench/workload.h"

namespace topod::bench {

WatchDriver::WatchDriver(const Share& share)
    : PooledDriver(share),
      watch_(make_get_data(numbered_path(znode_prefix(share.options), 0), true)),
      change_(make_set_data(numbered_path(znode_prefix(share.options), 0),
                            make_value(share.options.value_bytes, share.options.seed))) {
  add_connection();  // the writer
}

void WatchDriver::start(Nanoseconds, Nanoseconds) {
  stopped_ = false;
  if (lost_count() > 0) return;  // the count of watches would never be reached
  for (size_t i = 0; i < watchers(); ++i) set_watch(connection(i));
}

void WatchDriver::set_watch(Connection& watcher) { watcher.send(watch_, 0, monotonic_now()); }

void WatchDriver::on_operation_reply(Connection& connection, const Reply& reply) {
  if (reply.error != ErrorCode::kOk) share().recorder.failed(reply.error);
  if (connection.index() == writer_index()) {
    change_under_way_ = false;
  } else {
    ++watching_;
  }
  change_when_all_watch(reply.now);
}

void WatchDriver::change_when_all_watch(Nanoseconds now) {
  if (stopped_ || change_under_way_ || watching_ < watchers()) return;
  Connection& writer = connection(writer_index());
  if (!writer.is_ready()) return;
  watching_ = 0;
  undelivered_ = watchers();
  change_under_way_ = true;
  changed_at_ = now;
  writer.send(change_, 0, now);
}

void WatchDriver::on_event(Connection& watcher, const WatchEvent&, Nanoseconds now) {
  --undelivered_;
  share().recorder.answered(changed_at_, now);
  set_watch(watcher);
}

bool WatchDriver::is_drained() const {
  return lost_count() > 0 || (undelivered_ == 0 && !change_under_way_);
}

}  // namespace topod::bench
