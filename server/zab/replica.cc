#include "server/zab/replica.h"

#include "proto/check.h"

namespace topod::zab {

namespace {
constexpr int64_t kDigestInterval = 128;
constexpr size_t kDigestSamplesMax = 1'024;
}  // namespace

Replica::Replica(ReplicaConfig config, state::State state, Incarnation incarnation)
    : config_(std::move(config)),
      incarnation_(incarnation),
      state_(std::move(state)),
      tracker_(config_),
      clients_(config_, incarnation_, state_, tracker_, *this),
      leader_(config_.self, Quorum({config_.self}), history_, records_) {}

bool Replica::replay(Zxid zxid, std::string_view entry_bytes) {
  CHECK(zxid > state_.applied);
  if (!parsed_.ParseFromArray(entry_bytes.data(), static_cast<int>(entry_bytes.size()))) {
    return false;
  }
  state::evaluate(state_, zxid, parsed_, effects_);
  return true;
}

void Replica::start(Promises promises, Moment now) {
  now_ = now;
  history_.start(state_.applied);
  leader_.start(promises, output_);
  tracker_.start(state_, now);
}

void Replica::open_connection(ConnectionId id, std::string_view address,
                              const state::Secret& fresh_secret, Moment now) {
  clients_.open(id, address, fresh_secret, now);
}

void Replica::frame(ConnectionId id, std::string_view bytes, Moment now) {
  now_ = now;
  clients_.frame(id, bytes, now);
}

void Replica::connection_closed(ConnectionId id) { clients_.closed(id); }

void Replica::durable(uint64_t record_number, Moment now) {
  now_ = now;
  const bool was_established = leader_.established();
  leader_.durable(record_number);
  if (!was_established && leader_.established()) {
    // From here on, forwards of this run count and those of earlier runs do not.
    entry::Entry up;
    up.mutable_origin()->set_server(config_.self.value());
    up.mutable_origin()->set_incarnation(incarnation_.value());
    up.mutable_server_up();
    submit(up);
  }
  apply_committed();
}

void Replica::tick(Moment now) {
  now_ = now;
  if (!serving_ || no_log_space_) return;
  due_.clear();
  tracker_.tick(state_, now, due_);
  for (entry::Entry& entry : due_) submit(entry);
}

Output& Replica::output() {
  clients_.collect(output_.clients);
  return output_;
}

void Replica::finish_turn() { output_.clear(); }

void Replica::submit(entry::Entry& entry) {
  entry.set_time_ms(now_.wall_ms);
  leader_.propose(entry, output_);
}

void Replica::apply_committed() {
  while (leader_.front_committed()) {
    const Proposal& proposal = history_.front();
    const bool parsed = parsed_.ParseFromString(proposal.bytes);
    CHECK(parsed);
    state::evaluate(state_, proposal.zxid, parsed_, effects_);
    const Zxid zxid = proposal.zxid;
    history_.pop_front();
    if (parsed_.kind_case() == entry::Entry::kServerUp &&
        parsed_.origin().incarnation() == incarnation_.value()) {
      serving_ = true;
    }
    // Evaluation found that the judged attachment is not the session's any more: it lives.
    if (parsed_.kind_case() == entry::Entry::kExpireSession &&
        effects_.closed_session == SessionId{}) {
      const state::Session* session =
          state_.sessions.find(SessionId(parsed_.expire_session().session()));
      if (session != nullptr) tracker_.touch(session->id, session->timeout_ms, now_);
    }
    if (counter_of(zxid) % kDigestInterval == 0) {
      samples_.push_back({zxid, state_.digest.low()});
      if (samples_.size() > kDigestSamplesMax) samples_.pop_front();
    }
    clients_.applied(parsed_, zxid, effects_, now_);
  }
}

}  // namespace topod::zab
