#include "tools/bench/request_driver.h"

#include <algorithm>

namespace topod::bench {

RequestDriver::RequestDriver(const Share& share, std::unique_ptr<Workload> workload,
                             uint64_t first_connection)
    : PooledDriver(share),
      workload_(std::move(workload)),
      lanes_(share.connections),
      interval_(share.options.is_open_loop()
                    ? static_cast<double>(kSecond) * share.options.connections /
                          (share.options.rate * share.connections)
                    : 0) {
  const uint32_t window = share.options.window;
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    lanes_[lane].slots.resize(window);
    for (uint32_t i = 0; i < window; ++i) {
      Slot& slot = lanes_[lane].slots[i];
      slot.number = (first_connection + lane) * window + i;
      slot.tag = i;
      lanes_[lane].free.push_back(i);
    }
  }
}

void RequestDriver::start(Nanoseconds now, Nanoseconds until) {
  began_ = now;
  until_ = until;
  stopped_ = false;
  if (!share().options.is_open_loop()) start_closed_loop(now);
}

void RequestDriver::start_closed_loop(Nanoseconds now) {
  for (size_t i = 0; i < connection_count(); ++i) {
    if (!connection(i).is_ready()) continue;
    for (Slot& slot : lanes_[i].slots) {
      if (!start_operation(connection(i), slot, now)) return;
    }
  }
}

void RequestDriver::pump(Nanoseconds now) {
  PooledDriver::pump(now);
  if (share().options.is_open_loop() && began_ > 0) start_due(now);
}

Nanoseconds RequestDriver::next_pump(Nanoseconds now) const {
  if (interval_ == 0 || began_ == 0 || exhausted_) return now + kSecond;
  const auto due = began_ + static_cast<Nanoseconds>(static_cast<double>(started_) * interval_);
  // What is overdue waits for a reply to free a slot, not for the clock.
  return due > now ? due : now + kSecond;
}

void RequestDriver::start_due(Nanoseconds now) {
  while (!exhausted_) {
    const auto due = began_ + static_cast<Nanoseconds>(static_cast<double>(started_) * interval_);
    if (due >= until_) {
      exhausted_ = true;
      return;
    }
    if (due > now) return;
    Connection* free = next_free_connection();
    if (free == nullptr) return;
    Lane& lane = lanes_[free->index()];
    Slot& slot = lane.slots[lane.free.back()];
    lane.free.pop_back();
    ++started_;
    start_operation(*free, slot, due);
  }
}

Connection* RequestDriver::next_free_connection() {
  for (size_t tries = connection_count(); tries > 0; --tries) {
    turn_ = turn_ + 1 < connection_count() ? turn_ + 1 : 0;
    if (connection(turn_).is_ready() && !lanes_[turn_].free.empty()) return &connection(turn_);
  }
  return nullptr;
}

bool RequestDriver::start_operation(Connection& connection, Slot& slot, Nanoseconds intended) {
  slot.intended = intended;
  if (!workload_->start(connection, slot)) {
    exhausted_ = true;
    return false;
  }
  ++under_way_;
  return true;
}

void RequestDriver::on_operation_reply(Connection& connection, const Reply& reply) {
  Slot& slot = lanes_[connection.index()].slots[reply.tag];
  const ErrorCode error = reply.error == ErrorCode::kOk ? workload_->error_in(reply) : reply.error;
  if (error != ErrorCode::kOk) {
    share().recorder.failed(error);
  } else if (workload_->proceed(connection, slot, reply) == Workload::Progress::kContinues) {
    return;
  } else {
    share().recorder.answered(slot.intended, reply.now, workload_->operations());
  }
  end_operation(connection, slot, reply.now);
}

void RequestDriver::end_operation(Connection& connection, Slot& slot, Nanoseconds now) {
  --under_way_;
  if (!share().options.is_open_loop()) {
    if (!stopped_ && !exhausted_) start_operation(connection, slot, now);
    return;
  }
  lanes_[connection.index()].free.push_back(slot.tag);
  start_due(now);
}

void RequestDriver::on_lost(Connection& connection, std::string_view why) {
  // Every outstanding request is one operation of the connection, or a step of one.
  under_way_ -= std::min<uint64_t>(under_way_, connection.outstanding());
  share().recorder.failed("unanswered on a lost connection", connection.outstanding());
  PooledDriver::on_lost(connection, why);
}

bool RequestDriver::is_finished() const {
  return PooledDriver::is_finished() || (exhausted_ && under_way_ == 0);
}

bool RequestDriver::is_drained() const {
  if (lost_count() == connection_count()) return true;
  const bool nothing_due = share().options.is_open_loop() ? exhausted_ : stopped_ || exhausted_;
  return nothing_due && under_way_ == 0;
}

uint64_t RequestDriver::unanswered() const {
  if (!share().options.is_open_loop() || exhausted_) return under_way_;
  const auto due = static_cast<uint64_t>(static_cast<double>(until_ - began_) / interval_);
  return under_way_ + (due > started_ ? due - started_ : 0);
}

}  // namespace topod::bench
