// Entries: forward members, sessions, reaping. What clients write is evaluated by evaluation.cc.
#include "server/state/evaluate.h"

#include <algorithm>
#include <utility>

#include "proto/check.h"
#include "proto/entry.pb.h"
#include "proto/mutants.h"
#include "server/state/evaluation.h"

namespace topod::state {

namespace {

Attachment attachment_of(const entry::Entry& entry, uint64_t connection) {
  const entry::Origin& origin = entry.origin();
  return {ServerId(origin.server()), Incarnation(origin.incarnation()), ConnectionId(connection)};
}

// ---- items besides the tree ----------------------------------------------------------------

void set_member(State& state, const Member& member) {
  const auto [it, is_new] = state.members.try_emplace(member.server);
  if (!is_new) state.digest.subtract(digest_of_member(it->second));
  it->second = member;
  state.digest.add(digest_of_member(member));
  state.changes.add(member.server);
}

void attach(State& state, Session& session, const Attachment& attachment, int32_t timeout_ms) {
  state.digest.subtract(digest_of_session(session));
  session.attachment = attachment;
  session.timeout_ms = timeout_ms;
  state.digest.add(digest_of_session(session));
  state.changes.add(session.id);
}

void erase_session(State& state, SessionId id) {
  state.digest.subtract(digest_of_session(*state.sessions.find(id)));
  state.sessions.erase(id);
  state.changes.add(id);
}

// Lists that the entry before this one left without a reference; until now its events could ask
// for them. At this fixed point, and not when somebody has time, because it decides which id an
// equal list gets next.
void purge_acls(State& state) {
  for (const auto& [id, acl] : state.acls.purge_unreferenced()) {
    state.digest.subtract(digest_of_acl(id, acl));
    state.changes.add(id);
  }
}

// Whether a numbered request has been evaluated before or comes from a dead incarnation. Moves
// the mark of its server on.
bool pass_mark(State& state, const entry::Origin& origin) {
  const auto found = state.members.find(ServerId(origin.server()));
  if (found == state.members.end()) return false;
  Member mark = found->second;
  if (mark.incarnation != Incarnation(origin.incarnation()) ||
      (origin.forward_number() <= mark.last_number && !MUTANT(DuplicateForwards))) {
    return false;
  }
  mark.last_number = origin.forward_number();
  set_member(state, mark);
  return true;
}

// A repeated one must not start the numbers again.
bool server_up(State& state, const entry::Origin& origin) {
  const ServerId server(origin.server());
  const Incarnation incarnation(origin.incarnation());
  const auto found = state.members.find(server);
  if (found != state.members.end() && found->second.incarnation == incarnation) return false;
  set_member(state, {server, incarnation, 0,
                     found == state.members.end() ? InstanceId{} : found->second.instance});
  return true;
}

// Who may speak for the session: only the connection that it is attached to.
ErrorCode check_attachment(const State& state, SessionId id, const Attachment& attachment) {
  const Session* const session = state.sessions.find(id);
  if (session == nullptr) return ErrorCode::kSessionExpired;
  const bool is_attached = session->attachment == attachment || MUTANT(MovedSessionWrites);
  return is_attached ? ErrorCode::kOk : ErrorCode::kSessionMoved;
}

// ---- the kinds of entries ------------------------------------------------------------------

class EntryEvaluation {
 public:
  EntryEvaluation(State& state, Zxid zxid, const entry::Entry& entry, Effects& effects)
      : state_(state), zxid_(zxid), entry_(entry), effects_(effects) {}

  void run() {
    switch (entry_.kind_case()) {
      case entry::Entry::kWrite: write(entry_.write()); break;
      case entry::Entry::kCreateSession: create_session(entry_.create_session()); break;
      case entry::Entry::kAttach: reattach(entry_.attach()); break;
      case entry::Entry::kCloseSession: close_session(entry_.close_session()); break;
      case entry::Entry::kExpireSession: expire_session(entry_.expire_session()); break;
      case entry::Entry::kReap: reap(entry_.reap()); break;
      case entry::Entry::kRaiseFeatureLevel:
        state_.feature_level = std::max(state_.feature_level, entry_.raise_feature_level().level());
        break;
      case entry::Entry::kAdmit: admit(entry_.admit()); break;
      case entry::Entry::kServerUp:  // all done with its mark
      case entry::Entry::KIND_NOT_SET: break;
    }
  }

 private:
  void write(const entry::ClientWrite& write);
  void create_session(const entry::CreateSession& request);
  void reattach(const entry::Attach& request);
  void close_session(const entry::CloseSession& request);
  void expire_session(const entry::ExpireSession& request);
  void reap(const entry::Reap& request);
  void admit(const entry::Admit& request);
  void end_session(const Session& session);

  [[nodiscard]] Evaluation evaluation() {
    return Evaluation(state_, zxid_, entry_.time_ms(), effects_);
  }

  State& state_;
  const Zxid zxid_;
  const entry::Entry& entry_;
  Effects& effects_;
};

void EntryEvaluation::write(const entry::ClientWrite& write) {
  effects_.error = check_attachment(state_, SessionId(write.session()),
                                    attachment_of(entry_, write.connection()));
  if (effects_.error == ErrorCode::kOk) effects_.error = evaluation().write(write);
}

void EntryEvaluation::create_session(const entry::CreateSession& request) {
  CHECK(zxid_.value() > 0);
  Session session;
  session.id = SessionId(zxid_.value());
  session.timeout_ms = request.timeout_ms();
  session.attachment = attachment_of(entry_, request.connection());
  const std::string& secret = request.secret();
  std::copy_n(secret.begin(), std::min(secret.size(), session.secret.size()),
              session.secret.begin());
  effects_.session = session.id;
  effects_.timeout_ms = session.timeout_ms;
  effects_.secret = session.secret;
  state_.digest.add(digest_of_session(session));
  state_.changes.add(session.id);
  state_.sessions.insert(std::move(session));
}

void EntryEvaluation::reattach(const entry::Attach& request) {
  Session* const session = state_.sessions.find(SessionId(request.session()));
  // Who does not know the secret learns nothing and moves nothing.
  if (session == nullptr || !equal_in_constant_time(session->secret, request.secret())) {
    effects_.error = ErrorCode::kSessionExpired;
    return;
  }
  effects_.session = session->id;
  effects_.timeout_ms = request.timeout_ms();
  effects_.secret = session->secret;
  effects_.previous = session->attachment;
  attach(state_, *session, attachment_of(entry_, request.connection()), request.timeout_ms());
}

void EntryEvaluation::close_session(const entry::CloseSession& request) {
  const SessionId id(request.session());
  effects_.error = check_attachment(state_, id, attachment_of(entry_, request.connection()));
  if (effects_.error == ErrorCode::kOk) end_session(*state_.sessions.find(id));
}

void EntryEvaluation::expire_session(const entry::ExpireSession& request) {
  const SessionId id(request.session());
  const Attachment judged{ServerId(request.server()), Incarnation(request.incarnation()),
                          ConnectionId(request.connection())};
  // A client that has come back meanwhile keeps its session.
  const ErrorCode verdict = check_attachment(state_, id, judged);
  if (verdict != ErrorCode::kOk &&
      !(MUTANT(ExpiryIgnoresAttachment) && verdict == ErrorCode::kSessionMoved)) {
    return;
  }
  end_session(*state_.sessions.find(id));
}

void EntryEvaluation::end_session(const Session& session) {
  evaluation().remove_ephemerals(session);
  effects_.closed_session = session.id;
  effects_.closed_attachment = session.attachment;
  erase_session(state_, effects_.closed_session);
}

void EntryEvaluation::reap(const entry::Reap& request) {
  const NodeSlot slot = state_.tree.by_id(NodeId(request.node()));
  if (slot == kNoNode || state_.tree.child_count(slot) > 0) return;
  const NodeFields& fields = state_.tree.fields(slot);
  if (fields.pzxid.value() != request.pzxid() || fields.mzxid.value() != request.mzxid()) return;
  const bool is_due = fields.kind == NodeKind::kContainer ||
                      (fields.kind == NodeKind::kTtl &&
                       entry_.time_ms() - fields.mtime_ms > fields.owner_or_ttl_ms);
  if (is_due) evaluation().remove(slot, state_.tree.path(slot));
}

void EntryEvaluation::admit(const entry::Admit& request) {
  const ServerId server(request.server());
  const auto found = state_.members.find(server);
  Member member;
  if (found != state_.members.end()) member = found->second;
  member.server = server;
  member.instance = {};
  std::copy_n(request.instance().begin(),
              std::min(request.instance().size(), member.instance.size()), member.instance.begin());
  set_member(state_, member);
}

}  // namespace

void Effects::clear() {
  error = ErrorCode::kOk;
  body.clear();
  ignored = false;
  session = SessionId{};
  timeout_ms = 0;
  secret = {};
  previous = {};
  closed_session = SessionId{};
  closed_attachment = {};
  events.clear();
  event_paths.clear();
}

void evaluate(State& state, Zxid zxid, const entry::Entry& entry, Effects& effects) {
  CHECK(zxid > state.applied);
  effects.clear();
  state.applied = zxid;
  purge_acls(state);
  // Entries without an origin are the leader's own and have no number.
  if (entry.has_origin()) {
    const bool counts =
        entry.has_server_up() ? server_up(state, entry.origin()) : pass_mark(state, entry.origin());
    if (!counts) {
      effects.ignored = true;
      return;
    }
  }
  EntryEvaluation(state, zxid, entry, effects).run();
}

}  // namespace topod::state
