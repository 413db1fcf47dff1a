#include "tests/sim/client.h"

#include <algorithm>
#include <utility>

#include "proto/check.h"
#include "proto/frame.h"

namespace topod::sim {

namespace {
constexpr int64_t kStepMaxUs = 500 * kMillisecond;
constexpr int64_t kConnectPatienceUs = 3 * kSecond;
constexpr Place kOneReaderIn = 5;
constexpr Place kOneTouristIn = 7;
}  // namespace

Client::Client(World& world, Network& network, History& history, Place place,
               std::vector<Place> servers, const Workload& workload)
    : world_(world),
      network_(network),
      history_(history),
      place_(place),
      is_reader_(place % kOneReaderIn == 1),
      is_tourist_(place % kOneTouristIn == 3),
      servers_(std::move(servers)),
      workload_(workload),
      watches_(history.witness()) {
  network_.attach(place_, this);
}

std::string Client::describe() const {
  return "client " + std::to_string(place_) + " at server " + std::to_string(server_);
}

void Client::wrong(const char* oracle, std::string what) {
  world_.violated(oracle, describe() + ": " + std::move(what));
}

// ---- connection and session ----------------------------------------------------------------

void Client::start() {
  phase_ = Phase::kApart;
  schedule_step(world_.random().between(0, 500 * kMillisecond));
}

void Client::schedule_step(int64_t after_us) {
  world_.after(after_us, [this, life = ++life_] {
    if (life == life_) step();
  });
}

void Client::step() {
  switch (phase_) {
    case Phase::kDead: return;
    case Phase::kApart: connect(); break;
    case Phase::kConnecting:
      if (world_.now_us() - connect_began_us_ > kConnectPatienceUs) {
        disconnect();
        return;
      }
      break;
    case Phase::kLive:
      keep_alive();
      if (phase_ != Phase::kLive) return;
      if (is_asking_ && pending_.size() < workload_.burst_max) {
        const uint64_t requests = 1 + world_.random().below(workload_.burst_max);
        for (uint64_t i = 0; i < requests && phase_ == Phase::kLive; ++i) ask_something();
      }
      break;
  }
  const int64_t pause_us = world_.random().between(workload_.pause_min_us, workload_.pause_max_us);
  schedule_step(is_asking_ ? pause_us : kStepMaxUs);
}

void Client::connect() {
  server_ = servers_[world_.random().index(servers_.size())];
  stream_ = network_.open(place_, server_);
  phase_ = Phase::kConnecting;
  connect_began_us_ = world_.now_us();
  ConnectRequest request;
  request.last_zxid_seen = last_seen_.value();
  request.timeout_ms = workload_.timeout_ms;
  request.session = session_.value();
  request.password = password_;
  request.has_read_only = true;
  request.read_only = is_tourist_;
  std::string bytes;
  JuteWriter out(bytes);
  request.write(out);
  network_.send(stream_, place_, std::move(bytes));
  world_.note("client connects", place_, server_, session_);
}

void Client::disconnect() {
  network_.close(stream_, place_);
  apart(world_.random().between(1 * kMillisecond, 300 * kMillisecond));
}

// The fate of what was outstanding is unknown.
void Client::apart(int64_t connect_after_us) {
  stream_ = 0;
  pending_.clear();
  if (is_tourist_) forget_session();
  phase_ = Phase::kApart;
  schedule_step(connect_after_us);
}

void Client::forget_session() {
  session_ = SessionId{};
  password_.clear();
  watches_.clear();
  created_.clear();
}

void Client::lose_connection(std::optional<int64_t> back_after_us) {
  if (phase_ != Phase::kLive && phase_ != Phase::kConnecting) return;
  world_.note("client loses its connection", place_);
  disconnect();
  if (back_after_us) schedule_step(*back_after_us);
}

void Client::die(int64_t back_after_us) {
  if (phase_ == Phase::kDead) return;
  world_.note("client dies", place_);
  network_.drop_all(place_, false);
  forget_session();
  last_seen_ = Zxid{};
  apart(back_after_us);
}

void Client::keep_alive() {
  const int64_t silence_us = world_.now_us() - heard_us_;
  if (silence_us > timeout_us_ * 2 / 3) {
    world_.note("client hears nothing", place_, server_);
    disconnect();
  } else if (world_.now_us() - sent_us_ > timeout_us_ / 3 - kStepMaxUs) {
    send_frame(kXidPing, OpCode::kPing, {});
  }
}

void Client::stream_closed(StreamId stream) {
  if (stream != stream_ || phase_ == Phase::kDead) return;
  world_.note("client is cut off", place_, server_);
  apart(world_.random().between(1 * kMillisecond, 300 * kMillisecond));
}

// ---- what comes back -----------------------------------------------------------------------

void Client::stream_received(StreamId stream, std::string bytes) {
  std::string_view rest = bytes;
  while (stream == stream_ && !rest.empty()) {
    JuteReader reader(rest);
    const auto length = static_cast<size_t>(reader.read_int());
    if (!reader.ok() || reader.remaining() < length) {
      wrong("protocol", "a frame is cut short");
      return;
    }
    heard_us_ = world_.now_us();
    const std::string_view frame = reader.rest().substr(0, length);
    if (phase_ == Phase::kConnecting) {
      connected(frame);
    } else {
      take_frame(frame);
    }
    rest.remove_prefix(kFrameHeaderBytes + length);
  }
}

void Client::connected(std::string_view frame) {
  JuteReader reader(frame);
  ConnectResponse response;
  response.read(reader);
  if (!reader.ok()) return wrong("protocol", "the answer to connect makes no sense");
  if (response.session == 0) {
    world_.note("client's session is gone", place_, session_);
    if (session_ == SessionId{}) wrong("sessions", "a new session was refused");
    forget_session();
    disconnect();
    return;
  }
  if (session_ != SessionId{} && session_.value() != response.session) {
    return wrong("sessions", "another session was given than asked for");
  }
  session_ = SessionId(response.session);
  password_ = response.password;
  timeout_us_ = response.timeout_ms * kMillisecond;
  is_read_only_ = response.read_only;
  if (is_read_only_ && !is_tourist_) wrong("sessions", "read-only service that was not asked for");
  phase_ = Phase::kLive;
  world_.note("client is connected", place_, server_, session_);
  if (watches_.size() > 0) set_watches();
  if (place_ == kFirstClient) {
    for (const char* folder : {"/queue", kFences[0].fenced, kFences[1].fenced}) {
      create(folder, CreateMode::kPersistent, Purpose::kNone);
    }
  }
}

// Before anything else is asked: a reply would show what they have not told of.
void Client::set_watches() {
  SetWatchesRequest request = watches_.to_set();
  request.relative_zxid = last_seen_.value();
  std::string body;
  JuteWriter out(body);
  request.write(out, false);
  sets_watches_ = true;
  send_frame(kXidSetWatches, OpCode::kSetWatches, body);
}

void Client::take_frame(std::string_view frame) {
  JuteReader reader(frame);
  ReplyHeader header;
  header.read(reader);
  if (!reader.ok()) return wrong("protocol", "a reply without a header");
  const Zxid zxid(header.zxid);
  if (header.xid == kXidNotification) return take_event(reader, zxid);
  check_order(header);
  if (header.xid == kXidPing) return;
  if (header.xid == kXidSetWatches) {
    sets_watches_ = false;
    if (std::string what = watches_.set_again(zxid); !what.empty()) wrong("watches", what);
    return;
  }
  take_reply(header, reader.rest());
}

void Client::take_event(JuteReader& in, Zxid zxid) {
  WatchEvent event;
  event.read(in);
  if (!in.ok()) return wrong("protocol", "an event makes no sense");
  const std::string path(event.path.value_or(std::string_view{}));
  world_.note("event", place_, zxid, static_cast<int32_t>(event.type), std::string_view(path));
  if (std::string what = watches_.fired(zxid, event.type, path); !what.empty()) {
    wrong("watches", std::move(what));
  }
  if (zxid > last_seen_) last_seen_ = zxid;
}

// A session never sees the past, and sees an event before what it tells of.
void Client::check_order(const ReplyHeader& header) {
  const Zxid zxid(header.zxid);
  if (zxid.value() <= 0) return;
  if (zxid < last_seen_) {
    wrong("sessions", "a reply at " + text_of(zxid) + " after one at " + text_of(last_seen_));
  }
  last_seen_ = zxid;
  if (sets_watches_) return;
  if (std::string what = watches_.answered(zxid); !what.empty()) wrong("watches", std::move(what));
}

void Client::take_reply(const ReplyHeader& header, std::string_view body) {
  if (pending_.empty() || pending_.front().xid != header.xid) {
    return wrong("order of replies", "reply " + std::to_string(header.xid) + " out of turn");
  }
  const Request request = std::move(pending_.front());
  pending_.pop_front();
  const Zxid zxid(header.zxid);
  world_.note("reply", place_, header.xid, zxid, static_cast<int32_t>(header.error));
  if (is_read_only_ && header.error == ErrorCode::kNotReadOnly) return;
  if (is_write(request.op)) {
    // Refused for want of space: it was never tried.
    if (header.error == ErrorCode::kSystemError) return;
    if (request.purpose == Purpose::kClose) {
      forget_session();
    } else {
      history_.answered(session_, request.number, zxid, header.error, body, request.floor);
    }
  } else if (request.op == OpCode::kSync) {
    if (zxid < request.floor) {
      wrong("linearizability", "sync answered at " + text_of(zxid) + " although " +
                                   text_of(request.floor) + " had been acknowledged");
    }
  } else {
    history_.read(session_, request.op, request.path, zxid, header.error, body);
    const bool exists = header.error == ErrorCode::kOk;
    if (request.watch && (exists || request.op == OpCode::kExists)) {
      watches_.left(*request.watch, request.path, zxid, exists);
    }
  }
  follow_up(request, header.error, body);
}

}  // namespace topod::sim
