#include "tests/sim/history.h"

#include <algorithm>
#include <utility>

namespace topod::sim {

std::string text_of(Zxid zxid) {
  return std::to_string(epoch_of(zxid).value()) + ":" + std::to_string(counter_of(zxid));
}

History::History(World& world) : world_(world), reference_(state::State::initial()) {
  reference_.changes.clear();
  witness_.start(reference_);
}

Zxid History::last_zxid() const { return committed_.empty() ? Zxid{} : committed_.back().zxid; }

std::optional<size_t> History::count_at(Zxid zxid) const {
  if (zxid == Zxid{}) return 0;
  const Committed* found = find(zxid);
  if (found == nullptr) return std::nullopt;
  return static_cast<size_t>(found - committed_.data()) + 1;
}

const History::Committed* History::find(Zxid zxid) const {
  const auto place =
      std::lower_bound(committed_.begin(), committed_.end(), zxid,
                       [](const Committed& c, Zxid wanted) { return c.zxid < wanted; });
  return place == committed_.end() || place->zxid != zxid ? nullptr : &*place;
}

History::Committed* History::find(Zxid zxid) {
  return const_cast<Committed*>(std::as_const(*this).find(zxid));
}

// ---- members -------------------------------------------------------------------------------

void History::applied(ServerId member, size_t& count, Zxid zxid, std::string_view bytes) {
  if (count == committed_.size()) append(zxid, bytes);
  if (count >= committed_.size()) return;
  const Committed& right = committed_[count++];
  if (right.zxid == zxid && right.bytes == bytes) return;
  world_.violated("agreement", "server " + std::to_string(member.value()) + " applies " +
                                   text_of(zxid) + " where " + text_of(right.zxid) +
                                   " was applied before, or another entry of that number");
}

void History::append(Zxid zxid, std::string_view bytes) {
  if (zxid <= last_zxid()) {
    world_.violated("total order", text_of(zxid) + " is applied after " + text_of(last_zxid()));
    return;
  }
  if (!parsed_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    world_.violated("integrity", "an entry cannot be decoded at " + text_of(zxid));
    return;
  }
  const bool is_right = !parsed_.has_expire_session() || judges_rightly();
  state::evaluate(reference_, zxid, parsed_, effects_);
  Committed& committed = committed_.emplace_back();
  committed.zxid = zxid;
  committed.bytes = bytes;
  committed.digest = reference_.digest;
  committed.error = effects_.error;
  committed.body = effects_.body;
  if (parsed_.has_write() && !effects_.ignored) match_write(committed, parsed_.write());
  std::string wrong = witness_.evaluated(reference_, zxid, effects_);
  reference_.changes.clear();
  world_.note("commit", zxid, static_cast<int>(parsed_.kind_case()),
              static_cast<int>(effects_.error));
  if (parsed_.has_expire_session()) {
    world_.note("expiry", SessionId(parsed_.expire_session().session()),
                effects_.closed_session != SessionId{});
  }
  if (!wrong.empty()) world_.violated("ephemerals", std::move(wrong));
  if (!is_right && effects_.closed_session != SessionId{}) {
    world_.violated("sessions", "a session that has moved on is expired at " + text_of(zxid));
  }
}

// Each write that takes part must be one that its client asked for, once, in the client's order.
void History::match_write(Committed& committed, const entry::ClientWrite& write) {
  committed.session = SessionId(write.session());
  if (committed.error == ErrorCode::kSessionMoved ||
      committed.error == ErrorCode::kSessionExpired) {
    return;  // had no effect
  }
  SessionPast& past = sessions_[committed.session];
  const auto is_it = [&](const IssuedWrite& issued) {
    return static_cast<int32_t>(issued.op) == write.op() && issued.body == write.body();
  };
  const auto begin = past.issued.begin() + static_cast<std::ptrdiff_t>(past.evaluated);
  const auto found = std::find_if(begin, past.issued.end(), is_it);
  if (found == past.issued.end()) {
    world_.violated("exactly once", "the write at " + text_of(committed.zxid) + " of session " +
                                        text_of(Zxid(write.session())) +
                                        " was evaluated before, out of order, or never asked for");
    return;
  }
  committed.number = static_cast<size_t>(found - past.issued.begin());
  past.evaluated = committed.number + 1;
}

void History::has_digest(ServerId member, size_t count, const state::Digest& digest) {
  if (count == 0 || count > committed_.size()) return;
  if (committed_[count - 1].digest == digest) return;
  world_.violated("equal states", "server " + std::to_string(member.value()) +
                                      " has another state than the reference at " +
                                      text_of(committed_[count - 1].zxid));
}

void History::leads(ServerId member, Epoch epoch) {
  const auto [leader, is_new] = leaders_.try_emplace(epoch, member);
  if (is_new) world_.note("leads", member, epoch.value());
  if (leader->second == member) return;
  world_.violated("one leader", "servers " + std::to_string(leader->second.value()) + " and " +
                                    std::to_string(member.value()) + " both lead epoch " +
                                    std::to_string(epoch.value()));
}

void History::heard(SessionId session, ServerId member) {
  SessionPast& past = sessions_[session];
  past.heard_us = world_.now_us();
  past.heard_by = member;
}

bool History::judges_rightly() const {
  const entry::ExpireSession& expire = parsed_.expire_session();
  const state::Session* session = reference_.sessions.find(SessionId(expire.session()));
  return session != nullptr &&
         session->attachment == state::Attachment{ServerId(expire.server()),
                                                  Incarnation(expire.incarnation()),
                                                  ConnectionId(expire.connection())};
}

// A leader has heard its own clients, and those of the others if nothing is wrong.
void History::proposed(ServerId leader, Zxid zxid, std::string_view bytes) {
  constexpr size_t kExpireBytesMax = 64;
  if (bytes.size() > kExpireBytesMax) return;
  if (!parsed_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  if (!parsed_.has_expire_session() || !judges_rightly()) return;
  const SessionId id(parsed_.expire_session().session());
  const SessionPast& past = sessions_[id];
  if (!calm_ && past.heard_by != leader) return;
  const int64_t silence_ms = (world_.now_us() - past.heard_us) / 1'000;
  // Clocks may run 5 % fast.
  if (silence_ms >= reference_.sessions.find(id)->timeout_ms * 94 / 100) return;
  world_.violated("sessions", "session " + text_of(Zxid(id.value())) + " is to be expired at " +
                                  text_of(zxid) + ", but its client was heard " +
                                  std::to_string(silence_ms) + " ms ago");
}

// ---- clients -------------------------------------------------------------------------------

size_t History::issue(SessionId session, OpCode op, std::string_view body) {
  std::vector<IssuedWrite>& issued = sessions_[session].issued;
  issued.push_back({op, std::string(body)});
  return issued.size() - 1;
}

// Of two equal writes, such as deletions of one path, the first may never have arrived: the entry
// was then the second's.
bool History::is_of(const Committed& committed, SessionId session, size_t number) {
  if (committed.session != session || number < committed.number) return false;
  SessionPast& past = sessions_[session];
  if (past.issued[number].body != past.issued[committed.number].body) return false;
  past.evaluated = std::max(past.evaluated, number + 1);
  return true;
}

void History::answered(SessionId session, size_t number, Zxid zxid, ErrorCode error,
                       std::string_view body, Zxid floor) {
  ++answered_writes_;
  Committed* committed = find(zxid);
  const auto wrong = [&](const char* oracle, const std::string& why) {
    world_.violated(oracle, "the write " + std::to_string(number) + " of session " +
                                text_of(Zxid(session.value())) + " answered at " + text_of(zxid) +
                                ": " + why);
  };
  if (committed == nullptr) {
    wrong("acknowledged writes", "nobody has applied that");
    return;
  }
  if (!is_of(*committed, session, number) || std::exchange(committed->is_answered, true)) {
    wrong("acknowledged writes", "that entry is another one");
    return;
  }
  const bool has_body = error == ErrorCode::kOk;
  if (committed->error != error || (has_body && committed->body != body)) {
    wrong("linearizability", "its result was another one");
    return;
  }
  if (zxid <= floor) {
    wrong("linearizability", text_of(floor) + " had been answered before it was asked");
    return;
  }
  acknowledged_ = std::max(acknowledged_, zxid);
}

void History::read(SessionId session, OpCode op, const std::string& path, Zxid zxid,
                   ErrorCode error, std::string_view body) {
  ++reads_checked_;
  const Witness::Answer right = witness_.expected(op, path, zxid);
  if (zxid <= last_zxid() && right.error == error && right.body == body) return;
  world_.violated("linearizability", std::string(name_of(op)) + " of " + path + " by session " +
                                         text_of(Zxid(session.value())) +
                                         " is not what it was at " + text_of(zxid));
}

}  // namespace topod::sim
