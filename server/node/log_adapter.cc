#include "server/node/log_adapter.h"

#include <utility>

#include <asio/post.hpp>

#include "server/node/logging.h"
#include "server/node/system.h"

namespace topod::node {

namespace {

// A peer that has not asked for more by then starts over.
constexpr int64_t kHoldMs = 60'000;

}  // namespace

LogAdapter::LogAdapter(asio::io_context& io, std::unique_ptr<storage::Log> log, Events events,
                       int64_t warning_ms)
    : io_(io),
      events_(std::move(events)),
      warning_ms_(warning_ms),
      end_(log->end()),
      last_logged_(log->contents().last_zxid()),
      history_(storage::HistoryReader(log->file_system(), log->dir(), log->identity()),
               [this](const storage::HistoryRequest& request, storage::HistoryAnswer answer) {
                 asio::post(io_, [this, request, found = std::move(answer)]() mutable {
                   history_read(request, found);
                 });
               }) {
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
  positions_.add(record.kind, record.zxid);
  if (record.kind == LogRecordKind::kSnapshot) logged_generation_ = record.number;
  if (record.kind == LogRecordKind::kSnapshot || record.kind == LogRecordKind::kTruncate) ++cuts_;
}

void LogAdapter::submit() {
  if (!batch_) return;
  thread_->submit(std::move(batch_));
  positions_.submit();
}

void LogAdapter::read_history(const zab::HistoryRead& read) {
  // Where it begins is not known yet.
  holds_.hold(read.link, {}, LogHolds::kForever);
  history_.submit({read.link, read.after, read.through, read.max_bytes, end_, cuts_});
}

void LogAdapter::history_read(const storage::HistoryRequest& request,
                              storage::HistoryAnswer& answer) {
  const bool gone = answer.transactions.empty();
  if (gone) {
    log_info("log", "a peer needs more history than the log still holds",
             {{"link", request.link.value()}, {"why", answer.why}});
    holds_.release(request.link);
  } else if (answer.transactions.back().zxid >= request.through) {
    holds_.release(request.link);
  } else {
    holds_.hold(request.link, answer.needed, monotonic_ms() + kHoldMs);
  }
  std::vector<zab::HistoryEntry> entries;
  entries.reserve(answer.transactions.size());
  for (LogRecord& record : answer.transactions) {
    entries.push_back(
        {record.zxid, Zxid(static_cast<int64_t>(record.number)), std::move(record.payload)});
  }
  events_.history_read(request.link, std::move(entries), gone);
}

void LogAdapter::trim(storage::LogPosition keep) {
  thread_->trim(holds_.needed_from(keep, monotonic_ms()));
}

void LogAdapter::hold(LinkId link, storage::LogPosition from) {
  holds_.hold(link, from, LogHolds::kForever);
}

void LogAdapter::end_hold(LinkId link) { holds_.limit(link, monotonic_ms() + kHoldMs); }

void LogAdapter::stop() {
  history_.stop();
  thread_->stop();
  if (thread_->queued_bytes() > 0) {
    log_warn("log", "some records could not be written; nobody has been told that they are",
             {{"bytes", thread_->queued_bytes()}});
  }
}

void LogAdapter::durable(const storage::LogDurable& durable) {
  flush_times_.add(durable.flush_ns);
  flushes_.duration_us.add(durable.flush_ns / 1000);
  flushes_.records.add(static_cast<int64_t>(durable.records));
  flushes_.bytes.add(static_cast<int64_t>(durable.bytes));
  end_ = durable.end;
  positions_.durable(durable.last_sequence, durable.end);
  if (durable.flush_ns / 1'000'000 > warning_ms_) {
    log_warn("log", "a flush took long; is the disk shared or slow?",
             {{"ms", durable.flush_ns / 1'000'000}});
  }
  events_.durable(durable);
}

}  // namespace topod::node
