// Requests and their answers.
#include <algorithm>
#include <limits>

#include "proto/check.h"
#include "proto/frame.h"
#include "tools/client/core/session.h"

namespace topod::client {

namespace {

// Requests sent and unanswered; the rest waits here instead of in the server's buffers.
constexpr size_t kInFlightMax = 1'000;

// Asking twice is the same as asking once.
bool may_be_repeated(OpCode op) {
  switch (op) {
    case OpCode::kExists:
    case OpCode::kGetData:
    case OpCode::kGetAcl:
    case OpCode::kGetChildren:
    case OpCode::kGetChildren2:
    case OpCode::kGetEphemerals:
    case OpCode::kGetAllChildrenNumber:
    case OpCode::kWhoAmI:
    case OpCode::kSync:
    case OpCode::kMultiRead:
    case OpCode::kAddWatch: return true;
    default: return false;
  }
}

int32_t watcher_type(const Request& request) {
  if (request.op != OpCode::kRemoveWatches) return 0;
  JuteReader in(request.body);
  PathModeRequest record;
  record.read(in);
  return record.mode;
}

}  // namespace

void Session::on(Call& call) {
  CHECK(calls_.empty() || call.id > calls_.rbegin()->first);
  const CallId id = call.id;
  calls_.emplace(id, Pending{std::move(call.request), call.deadline_ms, false});
  deadlines_.emplace(call.deadline_ms, id);
  if (phase_ == Phase::kOver || close_by_ms_) {
    const bool expired = state_ == SessionState::kExpired;
    return fail(id, expired ? Failure::kSessionExpired : Failure::kClosed);
  }
  if (calls_.at(id).request.op == OpCode::kAuth) {
    identities_.push_back({calls_.at(id).request, id});
    if (phase_ != Phase::kLive) return;
    authenticating_.push_back(identities_.size() - 1);
    calls_.at(id).is_sent = true;
    return send_frame(kXidAuth, OpCode::kAuth, identities_.back().request.body);
  }
  waiting_.push_back(id);
  send_waiting();
}

void Session::send_frame(int32_t xid, OpCode op, std::string_view body) {
  const size_t place = begin_frame(out_.bytes);
  JuteWriter out(out_.bytes);
  RequestHeader{xid, static_cast<int32_t>(op)}.write(out);
  out.write_raw(body);
  end_frame(out_.bytes, place);
  sent_ms_ = now_ms_;
}

void Session::send_identities() {
  authenticating_.clear();
  for (size_t i = 0; i < identities_.size(); ++i) {
    authenticating_.push_back(i);
    send_frame(kXidAuth, OpCode::kAuth, identities_[i].request.body);
  }
}

void Session::send_waiting() {
  while (phase_ == Phase::kLive && !close_by_ms_ && sent_.size() < kInFlightMax &&
         !waiting_.empty()) {
    const CallId id = waiting_.front();
    waiting_.pop_front();
    const auto call = calls_.find(id);
    if (call == calls_.end()) continue;
    const Request& request = call->second.request;
    call->second.is_sent = true;
    last_xid_ = last_xid_ == std::numeric_limits<int32_t>::max() ? 1 : last_xid_ + 1;
    if (sent_.empty()) progress_ms_ = now_ms_;
    const bool leaves_watch = request.watch != Watch::kNone || request.op == OpCode::kRemoveWatches;
    sent_.push_back({last_xid_, id, request.op, request.watch,
                     leaves_watch ? request.path : std::string(), watcher_type(request), now_ms_});
    send_frame(last_xid_, request.op, request.body);
  }
}

void Session::send_close() {
  last_xid_ = last_xid_ == std::numeric_limits<int32_t>::max() ? 1 : last_xid_ + 1;
  if (sent_.empty()) progress_ms_ = now_ms_;
  sent_.push_back({.xid = last_xid_, .op = OpCode::kCloseSession, .at_ms = now_ms_});
  send_frame(last_xid_, OpCode::kCloseSession, {});
}

void Session::take_answer(const ReplyHeader& header, std::string_view body) {
  if (sent_.empty() || sent_.front().xid != header.xid) {
    return lose_connection("replies out of order");
  }
  const Sent sent = std::move(sent_.front());
  sent_.pop_front();
  progress_ms_ = now_ms_;
  proven_ms_ = std::max(proven_ms_, sent.at_ms);
  if (sent.op == OpCode::kCloseSession) return end(SessionState::kClosed);
  // The watch is there even if nobody waits for the answer any more.
  watches_.left(sent.watch, sent.path, header.error);
  if (sent.op == OpCode::kRemoveWatches && header.error == ErrorCode::kOk) {
    watches_.removed(sent.path, static_cast<WatcherType>(sent.watcher_type));
  }
  if (header.error == ErrorCode::kOk) {
    answer(sent.id, Reply{Zxid(header.zxid), std::string(body)});
  } else {
    answer(sent.id, tl::unexpected(Error{Failure::kRefused, header.error}));
  }
  send_waiting();
}

void Session::take_authentication(ErrorCode error) {
  if (authenticating_.empty())
    return lose_connection("an identity was accepted that was not given");
  KnownIdentity& identity = identities_[authenticating_.front()];
  authenticating_.pop_front();
  if (error != ErrorCode::kOk) return end(SessionState::kAuthenticationFailed);
  if (identity.waiting != 0) answer(std::exchange(identity.waiting, 0), Reply{});
}

// Nobody hears of a call that was given up.
void Session::answer(CallId id, Result<Reply> result) {
  const auto call = calls_.find(id);
  if (call == calls_.end()) return;
  if (!result) {
    result.error().op = call->second.request.op;
    result.error().path = call->second.request.path;
  }
  deadlines_.erase({call->second.deadline_ms, id});
  calls_.erase(call);
  out_.notices.emplace_back(Answer{id, std::move(result)});
}

void Session::fail(CallId id, Failure failure) {
  Error error{.failure = failure};
  if (phase_ != Phase::kLive && phase_ != Phase::kOver) error.detail = why_lost_;
  answer(id, tl::unexpected(std::move(error)));
}

void Session::fail_all(Failure failure) {
  waiting_.clear();
  sent_.clear();
  while (!calls_.empty()) fail(calls_.begin()->first, failure);
}

void Session::expire_calls() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms_) {
    const CallId id = deadlines_.begin()->second;
    fail(id, calls_.at(id).is_sent ? Failure::kTimedOut : Failure::kNotSent);
  }
}

// The connection is gone. Reads go to the head of what waits, in their order.
void Session::put_back_sent() {
  std::deque<CallId> again;
  for (const Sent& sent : sent_) {
    const auto call = calls_.find(sent.id);
    if (call == calls_.end()) continue;
    if (may_be_repeated(sent.op)) {
      call->second.is_sent = false;
      again.push_back(sent.id);
    } else {
      fail(sent.id, Failure::kConnectionLost);
    }
  }
  sent_.clear();
  waiting_.insert(waiting_.begin(), again.begin(), again.end());
}

}  // namespace topod::client
