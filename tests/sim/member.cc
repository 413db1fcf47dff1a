#include "tests/sim/member.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proto/check.h"
#include "server/zab/invariants.h"
#include "tests/sim/process.h"

namespace topod::sim {

namespace {
constexpr int64_t kTickUs = 100 * kMillisecond;
// Of the loop: from an input to the turn that takes it.
constexpr int64_t kTurnMinUs = 5;
constexpr int64_t kTurnMaxUs = 60;
constexpr int64_t kWallStartMs = 1'700'000'000'000;
}  // namespace

Member::Member(World& world, Network& network, History& history, DurableLogs& durable_logs,
               const Ensemble& ensemble, ServerId id)
    : world_(world),
      network_(network),
      history_(history),
      durable_logs_(durable_logs),
      ensemble_(ensemble),
      id_(id),
      disk_(world.random()) {
  network_.attach(place(), this);
  identity_.server = id_;
  fill(identity_.instance);
}

Member::~Member() = default;

const zab::Replica* Member::replica() const {
  return process_ == nullptr ? nullptr : &*process_->replica;
}

size_t Member::flushing_bytes() const {
  return process_ == nullptr ? 0 : process_->log->flushing_bytes();
}

void Member::broken(const char* oracle, const std::string& what) {
  world_.violated(oracle, "server " + std::to_string(id_.value()) + ": " + what);
}

void Member::stop_clock(int64_t for_us) {
  if (world_.now_us() < clock_resumes_us_) return;
  world_.note("clock stops", id_, for_us);
  clock_lost_us_ += clock_resumes_us_ - clock_stopped_us_;
  clock_stopped_us_ = world_.now_us();
  clock_resumes_us_ = clock_stopped_us_ + for_us;
}

void Member::free_clock() { clock_resumes_us_ = std::min(clock_resumes_us_, world_.now_us()); }

int64_t Member::monotonic_us() const {
  const int64_t lost_us =
      clock_lost_us_ + std::min(world_.now_us(), clock_resumes_us_) - clock_stopped_us_;
  const int64_t us = world_.now_us() - lost_us;
  return us + us / kSecond * drift_per_million_;
}

zab::Moment Member::now() const {
  const int64_t us = monotonic_us();
  return {us, kWallStartMs + wall_offset_ms_ + us / 1'000};
}

void Member::fill(std::span<uint8_t> bytes) {
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(world_.random().next());
}

// ---- faults --------------------------------------------------------------------------------

void Member::crash(Stop kind) {
  if (process_ == nullptr) return;
  world_.note(kind == Stop::kPower ? "power cut" : "crash", id_);
  network_.drop_all(place(), kind == Stop::kProcess);
  process_.reset();
  ++life_;
  is_paused_ = false;
  disk_.stop(kind);
}

void Member::pause() {
  if (process_ == nullptr || is_paused_) return;
  world_.note("pause", id_);
  is_paused_ = true;
}

void Member::resume() {
  if (!is_paused_) return;
  world_.note("resume", id_);
  is_paused_ = false;
  if (process_ == nullptr) return;
  process_->turn_is_due = false;
  schedule_turn();
}

void Member::fill_disk() {
  world_.note("disk is full", id_);
  disk_.set_capacity(disk_.used_bytes());
}

void Member::fail_disk(std::function<void()> ended) {
  world_.note("its disk fails", id_);
  disk_.fail_next_write(true);
  disk_failed_ = std::move(ended);
}

void Member::rot() {
  is_rotten_ = disk_.rot(std::string(kLogDir) + "/") || is_rotten_;
  if (is_rotten_) world_.note("rot", id_);
}

void Member::wipe() {
  CHECK(process_ == nullptr);
  is_rotten_ = false;
  world_.note("wipe", id_);
  disk_.wipe();
  trees_.clear();
  is_voter_ = stays_voter_ = false;
  durable_logs_.wiped(id_);
  fill(identity_.instance);
}

// ---- the network ---------------------------------------------------------------------------

bool Member::stream_opened(StreamId stream, Place from) {
  if (process_ == nullptr) return false;
  deliver([this, stream, from] {
    if (from >= kFirstClient) {
      process_->sockets.opened(stream, from);
    } else {
      process_->links.opened(stream, from);
    }
  });
  return true;
}

void Member::stream_received(StreamId stream, std::string bytes) {
  if (process_ == nullptr) return;
  deliver([this, stream, moved = std::move(bytes)] {
    if (!process_->links.received(stream, moved)) process_->sockets.received(stream, moved);
  });
}

void Member::stream_closed(StreamId stream) {
  if (process_ == nullptr) return;
  deliver([this, stream] {
    if (!process_->links.closed(stream)) process_->sockets.closed(stream);
  });
}

void Member::Sockets::opened(StreamId stream, Place from) {
  const ConnectionId id(++last_id_);
  sockets_[id].stream = stream;
  ids_[stream] = id;
  member_.process_->node->client_opened(id, "10.0.0." + std::to_string(from), 1);
}

void Member::Sockets::received(StreamId stream, const std::string& frame) {
  const auto id = ids_.find(stream);
  if (id == ids_.end()) return;
  Socket& socket = sockets_.at(id->second);
  if (socket.is_read) {
    read(id->second, socket, frame);
  } else {
    socket.unread.push_back(frame);
  }
}

void Member::Sockets::read(ConnectionId id, Socket& socket, const std::string& frame) {
  socket.is_read = member_.process_->node->client_frame(id, frame);
  const zab::Connection* connection = member_.process_->replica->clients().find(id);
  // Who has asked to close is not kept alive by what he asks then.
  if (connection != nullptr && connection->session != SessionId{} && !connection->close_requested) {
    member_.process_->heard.push_back(connection->session);
  }
}

void Member::Sockets::closed(StreamId stream) {
  const auto id = ids_.find(stream);
  if (id == ids_.end()) return;
  member_.process_->node->client_closed(id->second, {});
  sockets_.erase(id->second);
  ids_.erase(id);
}

void Member::Sockets::send(ConnectionId id, std::string& bytes) {
  if (const auto socket = sockets_.find(id); socket != sockets_.end()) {
    member_.network_.send(socket->second.stream, member_.place(), std::move(bytes));
  }
  bytes.clear();
}

void Member::Sockets::close_after_sending(ConnectionId id) {
  const auto socket = sockets_.find(id);
  if (socket == sockets_.end()) return;
  member_.network_.close(socket->second.stream, member_.place());
  ids_.erase(socket->second.stream);
  sockets_.erase(socket);
  member_.deliver([&member = member_, id] { member.process_->node->client_closed(id, {}); });
}

void Member::Sockets::resume_reading(ConnectionId id) {
  const auto found = sockets_.find(id);
  if (found == sockets_.end()) return;
  Socket& socket = found->second;
  socket.is_read = true;
  while (socket.is_read && !socket.unread.empty()) {
    const std::string frame = std::move(socket.unread.front());
    socket.unread.pop_front();
    read(id, socket, frame);
  }
}

// ---- the loop ------------------------------------------------------------------------------

void Member::deliver(std::function<void()> input) {
  process_->inbox.push_back(std::move(input));
  schedule_turn();
}

void Member::schedule_turn() {
  if (process_->turn_is_due || is_paused_) return;
  process_->turn_is_due = true;
  world_.after(world_.random().between(kTurnMinUs, kTurnMaxUs), [this, life = life_] {
    if (life == life_ && process_ != nullptr && !is_paused_) turn();
  });
}

void Member::turn() {
  process_->turn_is_due = false;
  std::vector<std::function<void()>> inputs;
  inputs.swap(process_->inbox);
  for (const auto& input : inputs) input();
  if (process_->node->end_turn()) schedule_turn();
  observe();
  for (const SessionId session : process_->heard) history_.heard(session, id_);
  process_->heard.clear();
  begin_checkpoint_if_due();
  if (onlooker_) onlooker_();
}

void Member::schedule_tick() {
  world_.after(kTickUs, [this, life = life_] {
    if (life != life_ || process_ == nullptr) return;
    // A loop that stands still ticks once when it goes on.
    if (!is_paused_) {
      deliver([this] {
        process_->node->tick();
        process_->links.tick();
      });
    }
    schedule_tick();
  });
}

// What was applied in this turn, entry by entry, against the history.
void Member::observe() {
  const zab::Replica& replica = *process_->replica;
  const Zxid applied = replica.state().applied;
  auto& logged = process_->logged;
  bool is_new = false;
  while (!logged.empty() && logged.front().first <= applied) {
    const bool is_first = applied_count_ == history_.size();
    history_.applied(id_, applied_count_, logged.front().first, logged.front().second);
    if (is_first) durable_logs_.committed(id_, reign(), logged.front().first);
    logged.pop_front();
    is_new = true;
  }
  if (is_new) history_.has_digest(id_, applied_count_, replica.state().digest);
  if (history_.count_at(applied) != applied_count_) {
    broken("integrity", "has applied up to " + text_of(applied) + " what is not in its log");
  }
  // Faults of disks and networks never make states differ.
  if (replica.mismatches().count > 0) broken("digests", replica.mismatches().last);
  const bool votes = replica.membership().votes();
  if (votes && !std::exchange(is_voter_, true)) durable_logs_.admitted(id_);
  stays_voter_ |= votes && replica.membership().is_settled();
  if (replica.leading() != nullptr) observe_leader();
  if (++turns_ % ensemble_.turns_per_invariants == 0) {
    if (const std::string what = zab::violated_invariant(replica); !what.empty()) {
      broken("invariants", what);
    }
  }
  const zab::Clients& clients = replica.clients();
  if (clients.outstanding_total() > limits::kMaxOutstandingTotal + clients.by_id().size() ||
      process_->log->queued_bytes() > 2 * limits::kMaxOutstandingBytes) {
    broken("bounds", "more is outstanding than allowed");
  }
}

void Member::observe_leader() {
  const zab::Leader& leader = *process_->replica->leading();
  if (leader.phase() >= zab::Leader::Phase::kSynchronising && synchronising_ != leader.epoch()) {
    synchronising_ = leader.epoch();
    durable_logs_.promised(id_, leader.epoch());
  }
  if (!leader.established() || established_ == leader.epoch()) return;
  established_ = leader.epoch();
  history_.leads(id_, leader.epoch());
  durable_logs_.established(id_, leader.epoch(), history_.last_zxid());
}

Epoch Member::reign() const {
  const zab::Replica& replica = *process_->replica;
  if (replica.leading() != nullptr && replica.leading()->established()) {
    return replica.leading()->epoch();
  }
  const zab::Follower* follower = replica.following();
  return follower != nullptr && follower->up_to_date() ? follower->epoch() : Epoch{};
}

void Member::begin_checkpoint_if_due() {
  if (!process_->tree->is_due()) return;
  const state::State& state = process_->replica->state();
  process_->tree->begin(checkpoint_meta(state, process_->log->position_after(state.applied)));
}

}  // namespace topod::sim
