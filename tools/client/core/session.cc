#include "tools/client/core/session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "proto/frame.h"

namespace topod::client {

namespace {

// Patience with one server until the session is there. The longest is more than the two seconds
// for which servers hold a connect while they have no leader.
constexpr int64_t kPatienceMinMs = 50;
constexpr int64_t kPatienceMaxMs = 5'000;
// Between a loss and the first attempt, so that a server's clients do not all come at once.
constexpr int64_t kFirstRetryMs = 50;
// Between attempts once every server has been tried: doubled up to the maximum.
constexpr int64_t kRetryMinMs = 100;
constexpr int64_t kRetryMaxMs = 2'000;

}  // namespace

const char* name_of(SessionState state) {
  switch (state) {
    case SessionState::kConnecting: return "connecting";
    case SessionState::kConnected: return "connected";
    case SessionState::kSuspended: return "suspended";
    case SessionState::kOverdue: return "overdue";
    case SessionState::kExpired: return "expired";
    case SessionState::kAuthenticationFailed: return "authentication failed";
    case SessionState::kClosed: return "closed";
  }
  return "unknown";
}

Session::Session(SessionSettings settings)
    : settings_(std::move(settings)),
      random_(settings_.seed),
      timeout_ms_(std::max(settings_.timeout_ms, 1)) {
  for (size_t i = 0; i < settings_.servers; ++i) order_.push_back(i);
  for (size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[static_cast<size_t>(jitter(static_cast<int64_t>(i)))]);
  }
  for (const auto& identity : settings_.identities) {
    identities_.push_back({authenticate_request(identity.scheme, identity.auth), 0});
  }
}

// Less than the bound. SplitMix64: a step apart is random enough for jitter.
int64_t Session::jitter(int64_t bound_ms) {
  random_ += 0x9E3779B97F4A7C15ULL;
  uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  mixed ^= mixed >> 31;
  return bound_ms <= 0 ? 0 : static_cast<int64_t>(mixed % static_cast<uint64_t>(bound_ms));
}

Session::Output Session::step(Event event, int64_t now_ms) {
  now_ms_ = now_ms;
  if (!began_) {
    began_ = true;
    rest_until_ms_ = now_ms;
  }
  // First: after a pause of this process, what lies in the socket is from before it.
  doubt_session();
  std::visit([this](auto& happened) { on(happened); }, event);
  keep_time();
  out_.wake_ms = wake_ms();
  return std::exchange(out_, Output{});
}

// ---- what has happened -----------------------------------------------------------------------

void Session::on(const Opened&) {
  if (phase_ != Phase::kOpening) return;
  phase_ = Phase::kHandshaking;
  handshake_ms_ = now_ms_;
  ConnectRequest request;
  request.last_zxid_seen = last_zxid_.value();
  request.timeout_ms = settings_.timeout_ms;
  request.session = id_.value();
  request.password = password_;
  request.has_read_only = true;
  request.read_only = settings_.allows_read_only;
  const size_t place = begin_frame(out_.bytes);
  JuteWriter out(out_.bytes);
  request.write(out);
  end_frame(out_.bytes, place);
  sent_ms_ = now_ms_;
}

void Session::on(const Closed& closed) {
  if (phase_ == Phase::kOver || phase_ == Phase::kResting) return;
  lose_connection(closed.why);
}

void Session::on(const Received& received) {
  if (phase_ != Phase::kHandshaking && phase_ != Phase::kLive) return;
  heard_ms_ = now_ms_;
  if (phase_ == Phase::kHandshaking) {
    take_connect_response(received.frame);
  } else {
    take_reply(received.frame);
  }
}

void Session::on(const Close& close) {
  if (phase_ == Phase::kOver || close_by_ms_) return;
  if (phase_ != Phase::kLive) return end(SessionState::kClosed);
  close_by_ms_ = close.deadline_ms;
  send_close();
}

// ---- the connection ----------------------------------------------------------------------------

void Session::take_connect_response(std::string_view frame) {
  JuteReader in(frame);
  ConnectResponse response;
  response.read(in);
  if (!in.ok()) return lose_connection("the answer to connect makes no sense");
  if (response.session == 0 || response.timeout_ms <= 0) {
    if (id_ != SessionId{}) return end(SessionState::kExpired);
    return lose_connection("a new session was refused");
  }
  id_ = SessionId(response.session);
  password_ = response.password;
  timeout_ms_ = response.timeout_ms;
  is_read_only_ = response.read_only;
  proven_ms_ = handshake_ms_;
  phase_ = Phase::kLive;
  failures_ = 0;
  ping_ms_.reset();
  send_identities();
  // Before anything is asked: an answer would show what the watches have not told of.
  for (const std::string& body : watches_.to_set(last_zxid_)) {
    send_frame(kXidSetWatches, OpCode::kSetWatches2, body);
  }
  change_state(SessionState::kConnected);
  send_waiting();
}

void Session::take_reply(std::string_view frame) {
  JuteReader in(frame);
  ReplyHeader header;
  header.read(in);
  if (!in.ok()) return lose_connection("a reply without a header");
  const Zxid zxid(header.zxid);
  if (header.xid == kXidNotification) return take_event(in, zxid);
  if (zxid > last_zxid_) last_zxid_ = zxid;
  switch (header.xid) {
    case kXidPing:
      if (ping_ms_) proven_ms_ = std::max(proven_ms_, *ping_ms_);
      ping_ms_.reset();
      break;
    case kXidAuth: take_authentication(header.error); break;
    case kXidSetWatches:
      if (header.error != ErrorCode::kOk) lose_connection("watches could not be set again");
      break;
    default: take_answer(header, in.rest());
  }
}

void Session::take_event(JuteReader& in, Zxid zxid) {
  WatchEvent event;
  event.read(in);
  if (!in.ok()) return lose_connection("a watch event makes no sense");
  WatchNews news{event.type, std::string(event.path.value_or(std::string_view{})), zxid};
  watches_.fired(news.type, news.path);
  out_.notices.emplace_back(std::move(news));
}

void Session::lose_connection(std::string why) {
  if (close_by_ms_) return end(SessionState::kClosed);
  if (phase_ != Phase::kResting) out_.disconnect = true;
  out_.connect.reset();
  out_.bytes.clear();
  why_lost_ = std::move(why);
  phase_ = Phase::kResting;
  server_ = (server_ + 1) % order_.size();
  rest_until_ms_ = now_ms_ + retry_delay_ms();
  ping_ms_.reset();
  put_back_sent();
  if (state_ == SessionState::kConnected) change_state(SessionState::kSuspended);
}

int64_t Session::retry_delay_ms() {
  const size_t round = failures_++ / order_.size();
  if (round == 0) return jitter(kFirstRetryMs);
  const int64_t doubled = kRetryMinMs << std::min<size_t>(round - 1, 8);
  const int64_t bound = std::min(doubled, kRetryMaxMs);
  return bound / 2 + jitter(bound / 2);
}

int64_t Session::patience_ms() const {
  const size_t round = failures_ / order_.size();
  const int64_t doubled = std::max(settings_.patience_ms, kPatienceMinMs)
                          << std::min<size_t>(round, 8);
  const int64_t longest = std::clamp(silence_max_ms(), int64_t{1'000}, kPatienceMaxMs);
  return std::min(doubled, longest);
}

void Session::end(SessionState state) {
  if (phase_ != Phase::kResting) out_.disconnect = true;
  out_.connect.reset();
  out_.bytes.clear();
  phase_ = Phase::kOver;
  change_state(state);
  switch (state) {
    case SessionState::kExpired: return fail_all(Failure::kSessionExpired);
    case SessionState::kAuthenticationFailed: return fail_all(Failure::kAuthenticationFailed);
    default: fail_all(Failure::kClosed);
  }
}

void Session::change_state(SessionState state) {
  if (state == state_) return;
  state_ = state;
  out_.notices.emplace_back(state);
}

// ---- time --------------------------------------------------------------------------------------

void Session::keep_time() {
  if (phase_ == Phase::kOver) return;
  expire_calls();
  if (close_by_ms_ && now_ms_ >= *close_by_ms_) return end(SessionState::kClosed);
  keep_connection();
  doubt_session();
}

void Session::doubt_session() {
  if (state_ != SessionState::kConnected && state_ != SessionState::kSuspended) return;
  if (now_ms_ < proven_until_ms()) return;
  // Another connect tells whether the session lives.
  if (state_ == SessionState::kConnected) lose_connection("nothing has confirmed the session");
  if (state_ == SessionState::kSuspended) change_state(SessionState::kOverdue);
}

void Session::keep_connection() {
  switch (phase_) {
    case Phase::kOver: return;
    case Phase::kResting:
      if (now_ms_ < rest_until_ms_) return;
      phase_ = Phase::kOpening;
      opening_since_ms_ = now_ms_;
      out_.connect = order_[server_];
      return;
    case Phase::kOpening:
    case Phase::kHandshaking:
      if (now_ms_ >= opening_since_ms_ + patience_ms()) {
        lose_connection("the server does not answer");
      }
      return;
    case Phase::kLive:
      if (now_ms_ >= heard_ms_ + silence_max_ms()) {
        lose_connection("nothing was heard from the server");
      } else if (!sent_.empty() && now_ms_ >= progress_ms_ + silence_max_ms()) {
        // It answers pings and nothing else.
        lose_connection("a request was not answered");
      } else if (!ping_ms_ && now_ms_ >= sent_ms_ + ping_after_ms()) {
        ping_ms_ = now_ms_;
        send_frame(kXidPing, OpCode::kPing, {});
      }
  }
}

int64_t Session::wake_ms() const {
  int64_t wake = std::numeric_limits<int64_t>::max();
  if (phase_ == Phase::kOver) return wake;
  const auto by = [&](int64_t moment) { wake = std::min(wake, moment); };
  if (!deadlines_.empty()) by(deadlines_.begin()->first);
  if (close_by_ms_) by(*close_by_ms_);
  if (state_ == SessionState::kConnected || state_ == SessionState::kSuspended) {
    by(proven_until_ms());
  }
  switch (phase_) {
    case Phase::kOver: break;
    case Phase::kResting: by(rest_until_ms_); break;
    case Phase::kOpening:
    case Phase::kHandshaking: by(opening_since_ms_ + patience_ms()); break;
    case Phase::kLive:
      by(heard_ms_ + silence_max_ms());
      if (!sent_.empty()) by(progress_ms_ + silence_max_ms());
      if (!ping_ms_) by(sent_ms_ + ping_after_ms());
  }
  return std::max(wake, now_ms_);
}

}  // namespace topod::client
