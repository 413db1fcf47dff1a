#include "server/node/log_adapter.h"

#include <asio/post.hpp>

#include "server/node/logging.h"

namespace topod::node {

LogAdapter::LogAdapter(asio::io_context& io, std::unique_ptr<storage::Log> log, Events events,
                       int64_t warning_ms)
    : io_(io), events_(std::move(events)), warning_ms_(warning_ms) {
  storage::LogCallbacks callbacks;
  callbacks.on_durable = [this](const storage::LogDurable& done) { inbox_.put(done); };
  callbacks.on_fatal = [this](const storage::IoError& error) {
    asio::post(io_, [this, error] { events_.fatal(error); });
  };
  callbacks.on_no_space = [this](bool no_space) {
    asio::post(io_, [this, no_space] { events_.no_space(no_space); });
  };
  thread_ = std::make_unique<storage::LogThread>(std::move(log), storage::LogThreadOptions{},
                                                 std::move(callbacks));
}

void LogAdapter::add(const zab::Append& record) {
  if (!batch_) batch_ = thread_->make_batch();
  batch_->add(record.kind, record.zxid, record.number, record.payload);
}

void LogAdapter::submit() {
  if (batch_) thread_->submit(std::move(batch_));
}

void LogAdapter::durable(const storage::LogDurable& durable) {
  flush_times_.add(durable.flush_ns);
  if (durable.flush_ns / 1'000'000 > warning_ms_) {
    log_warn("log", "a flush took long; is the disk shared or slow?",
             {{"ms", durable.flush_ns / 1'000'000}});
  }
  events_.durable(durable);
}

}  // namespace topod::node
