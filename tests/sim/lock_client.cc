#include "tests/sim/lock_client.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "proto/frame.h"
#include "tools/client/core/recipes.h"

namespace topod::sim {

using client::Contender;
using client::Session;

namespace {

constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();
constexpr const char* kKeyspace = "/keyspace";

}  // namespace

LockClient::LockClient(World& world, Network& network, History& history, Place place,
                       std::vector<Place> servers, int32_t timeout_ms, bool suffers)
    : world_(world),
      network_(network),
      history_(history),
      place_(place),
      servers_(std::move(servers)),
      timeout_ms_(timeout_ms),
      suffers_(suffers) {
  network_.attach(place_, this);
}

std::string LockClient::describe() const {
  return "lock client " + std::to_string(place_) + " (" + client::name_of(session_->state()) + ")";
}

bool LockClient::is_quiet() const {
  return session_->state() == client::SessionState::kConnected && session_->outstanding() == 0 &&
         (!contender_ || contender_->is_over());
}

// ---- a life ----------------------------------------------------------------------------------

void LockClient::start() {
  begin_life();
  world_.after(world_.random().between(0, 30 * kSecond), [this] { suffer(); });
}

void LockClient::begin_life() {
  ++life_;
  stream_ = 0;
  contender_.reset();
  holds_.reset();
  tickets_.clear();
  written_.clear();
  slept_through_.clear();
  given_.clear();
  alarm_ms_ = kNoDeadline;
  client::SessionSettings settings;
  settings.servers = servers_.size();
  settings.timeout_ms = timeout_ms_;
  settings.seed = world_.random().below(std::numeric_limits<uint64_t>::max());
  session_.emplace(settings);
  give(Session::Tick{});
  world_.after(world_.random().between(0, kSecond), [this, life = life_] {
    if (life == life_) when_awake([this] { contend(); });
  });
}

void LockClient::die() {
  world_.note("lock client dies", place_);
  network_.drop_all(place_, false);
  begin_life();
}

// Paused, it finds everything waiting when it goes on.
void LockClient::when_awake(World::Action action) {
  if (world_.now_us() >= asleep_until_us_ && slept_through_.empty()) return action();
  slept_through_.push_back(std::move(action));
  if (slept_through_.size() > 1) return;
  world_.at(asleep_until_us_, [this, life = life_] {
    if (life != life_) return;
    std::deque<World::Action> missed;
    missed.swap(slept_through_);
    for (World::Action& one : missed) {
      if (life == life_) one();
    }
  });
}

void LockClient::suffer() {
  if (!suffers_ || !is_asking_) return;
  Random& random = world_.random();
  const uint64_t kind = random.below(10);
  if (kind < 4) {
    // Mostly longer than its session lasts.
    pause(random.between(timeout_ms_ / 2, timeout_ms_ * 3));
  } else if (kind < 9) {
    cut_off();
  } else {
    die();
  }
  world_.after(random.between(kSecond, 40 * kSecond), [this] { suffer(); });
}

void LockClient::pause(int64_t nap_ms) {
  if (world_.now_us() < asleep_until_us_) return;
  world_.note("lock client is paused", place_, nap_ms);
  asleep_until_us_ = world_.now_us() + nap_ms * kMillisecond;
}

void LockClient::cut_off() {
  network_.drop_all(place_, true);
  const StreamId broken = std::exchange(stream_, 0);
  if (broken != 0) when_awake([this] { give(Session::Closed{"reset"}); });
}

void LockClient::stop_asking() {
  is_asking_ = false;
  if (contender_) when_awake([this] { step_place(Contender::Release{}); });
}

// ---- the session -----------------------------------------------------------------------------

void LockClient::stream_received(StreamId stream, std::string bytes) {
  when_awake([this, stream, bytes = std::move(bytes)] {
    std::string_view rest = bytes;
    while (stream == stream_ && !rest.empty()) {
      JuteReader reader(rest);
      const auto length = static_cast<size_t>(reader.read_int());
      const std::string_view frame = reader.rest().substr(0, length);
      note_reply(frame);
      give(Session::Received{frame});
      rest.remove_prefix(kFrameHeaderBytes + length);
    }
  });
}

void LockClient::stream_closed(StreamId stream) {
  when_awake([this, stream] {
    if (stream != stream_) return;
    stream_ = 0;
    give(Session::Closed{"closed by the server"});
  });
}

// What comes up during a step waits for its end.
void LockClient::give(Session::Event event) {
  given_.push_back(std::move(event));
  if (is_stepping_) return;
  is_stepping_ = true;
  const uint64_t life = life_;
  while (!given_.empty() && life == life_) {
    Session::Event next = std::move(given_.front());
    given_.pop_front();
    step_session(std::move(next));
  }
  is_stepping_ = false;
}

void LockClient::step_session(Session::Event event) {
  Session::Output out = session_->step(std::move(event), now_ms());
  if (out.disconnect && stream_ != 0) network_.close(std::exchange(stream_, 0), place_);
  if (out.connect) {
    written_.clear();
    is_connecting_ = true;
    stream_ = network_.open(place_, servers_[*out.connect % servers_.size()]);
    given_.emplace_back(Session::Opened{});
  }
  if (stream_ != 0) send(out.bytes);
  schedule_tick(out.wake_ms);
  for (Session::Notice& notice : out.notices) deliver(std::move(notice));
}

void LockClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    JuteReader reader(bytes);
    const auto length = static_cast<size_t>(reader.read_int());
    const std::string_view frame = reader.rest().substr(0, length);
    if (!std::exchange(is_connecting_, false)) note_request(frame);
    network_.send(stream_, place_, std::string(frame));
    bytes.remove_prefix(kFrameHeaderBytes + length);
  }
}

void LockClient::note_request(std::string_view frame) {
  JuteReader reader(frame);
  RequestHeader header;
  header.read(reader);
  const auto op = static_cast<OpCode>(header.op);
  world_.note("lock client asks", place_, header.xid, name_of(op));
  if (!is_write(op) || op == OpCode::kCloseSession) return;
  written_.push_back(
      {header.xid, op, history_.issue(session_->id(), op, reader.rest()), history_.acknowledged()});
}

void LockClient::note_reply(std::string_view frame) {
  if (session_->state() != client::SessionState::kConnected || written_.empty()) return;
  JuteReader reader(frame);
  ReplyHeader header;
  header.read(reader);
  if (!reader.ok() || header.xid != written_.front().xid) return;
  const Written written = written_.front();
  written_.pop_front();
  // Refused for want of space: it was never tried.
  if (header.error == ErrorCode::kSystemError) return;
  history_.answered(session_->id(), written.number, Zxid(header.zxid), header.error, reader.rest(),
                    written.floor);
}

void LockClient::deliver(Session::Notice notice) {
  if (auto* answer = std::get_if<Session::Answer>(&notice)) {
    const auto ticket = tickets_.find(answer->id);
    if (ticket == tickets_.end()) return;
    const auto [place, number] = ticket->second;
    tickets_.erase(ticket);
    if (contender_ && place == places_)
      step_place(Contender::Answer{number, std::move(answer->result)});
    return;
  }
  if (const auto* news = std::get_if<client::WatchNews>(&notice)) {
    if (contender_) step_place(Contender::Event(*news));
    return;
  }
  const auto state = std::get<client::SessionState>(notice);
  world_.note("lock client", place_, client::name_of(state), session_->id());
  if (contender_) step_place(Contender::Event(state));
  if (!client::is_final(state)) return;
  // Somebody new, in the same place.
  world_.after(kMillisecond, [this, life = life_] {
    if (life == life_) begin_life();
  });
}

// An alarm that comes too early does no harm.
void LockClient::schedule_tick(int64_t wake_ms) {
  if (wake_ms >= alarm_ms_) return;
  alarm_ms_ = wake_ms;
  at_ms(wake_ms, [this, life = life_, wake_ms] {
    if (life != life_ || wake_ms != alarm_ms_) return;
    alarm_ms_ = kNoDeadline;
    when_awake([this] { give(Session::Tick{}); });
  });
}

void LockClient::at_ms(int64_t moment_ms, World::Action action) {
  world_.at(std::max(moment_ms * kMillisecond, world_.now_us()), std::move(action));
}

// ---- locks -----------------------------------------------------------------------------------

void LockClient::contend() {
  if (!is_asking_) return;
  Random& random = world_.random();
  const std::string mark = std::to_string(place_) + "." + std::to_string(++places_);
  const client::LockContents contents{"place " + mark, "simulated", "client", "", "Running"};
  fence_ = random.index(std::size(kFences));
  client::ContenderSettings settings;
  if (fence_ == 1) {
    settings = client::topology_lock(kKeyspace, contents);
  } else {
    const auto kind = random.chance(300) ? client::PlaceKind::kReader : client::PlaceKind::kWriter;
    const auto style = random.chance(500) ? client::NameStyle::kCurator : client::NameStyle::kKazoo;
    settings = client::queue_lock(kFences[0].queue, style, kind, mark, contents);
  }
  settings.deadline_ms = now_ms() + random.between(50, 20'000);
  contender_.emplace(std::move(settings));
  step_place(Contender::Start{});
}

void LockClient::step_place(Contender::Event event) {
  Contender::Output out = contender_->step(std::move(event), now_ms());
  for (Contender::Ask& ask : out.asks) {
    tickets_.emplace(++last_call_, std::pair(places_, ask.ticket));
    give(Session::Call{last_call_, std::move(ask.request), kNoDeadline});
  }
  if (out.wake_ms != kNoDeadline) {
    at_ms(out.wake_ms, [this, life = life_, place = places_] {
      if (life != life_ || place != places_) return;
      when_awake([this] { step_place(Contender::Tick{}); });
    });
  }
  for (const Contender::Notice& notice : out.notices) take(notice);
}

void LockClient::take(const Contender::Notice& notice) {
  Random& random = world_.random();
  const auto later = [&](int64_t max_ms, void (LockClient::*what)()) {
    const int64_t after_us = random.skewed(kMillisecond, max_ms * kMillisecond);
    world_.after(after_us, [this, life = life_, place = places_, what] {
      if (life != life_ || place != places_) return;
      when_awake([this, what] { (this->*what)(); });
    });
  };
  if (const auto* holds = std::get_if<Contender::Holds>(&notice)) {
    world_.note("lock is held", place_, holds->token);
    holds_ = *holds;
    use_lock();
    later(3'000, &LockClient::use_lock);
    later(6'000, &LockClient::let_go);
  } else if (std::holds_alternative<Contender::Lost>(notice)) {
    world_.note("lock is lost", place_);
    holds_.reset();
  } else if (std::holds_alternative<Contender::Left>(notice)) {
    holds_.reset();
    // Queues are to be empty now and then: then they are removed, and numbers begin anew.
    later(random.chance(500) ? 2'000 : 30'000, &LockClient::contend);
  }
}

void LockClient::let_go() {
  holds_.reset();
  if (!contender_) return;
  step_place(Contender::Release{});
  Random& random = world_.random();
  if (!suffers_ || !random.chance(400)) return;
  // Whether it was done it does not know, and others hold the lock before it can ask.
  world_.after(random.between(0, 5) * kMillisecond, [this, life = life_] {
    if (life != life_) return;
    cut_off();
    pause(world_.random().between(0, timeout_ms_));
  });
}

// As a holder must: only while its place is there, and with the token that tells it from all
// holders before and after.
void LockClient::use_lock() {
  if (!holds_) return;
  const bool reads = contender_->settings().is_reader;
  const std::string value = (reads ? "r" : "") + std::to_string(holds_->token.value());
  give(Session::Call{
      ++last_call_,
      client::multi_request({client::check_request(holds_->path, kAnyVersion),
                             client::set_request(kFences[fence_].fenced, value, kAnyVersion)}),
      now_ms() + 10'000});
}

}  // namespace topod::sim
