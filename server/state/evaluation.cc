// A client's write: which operation it is, and what the operations have in common.
#include "server/state/evaluation.h"

#include <algorithm>

namespace topod::state {

namespace {

template <class Request, class... Options>
bool read(JuteReader& in, Request& request, Options... options) {
  request.read(in, options...);
  return in.ok();
}

}  // namespace

ErrorCode Evaluation::write(const entry::ClientWrite& write) {
  write_ = &write;
  const auto op = static_cast<OpCode>(write.op());
  if (op == OpCode::kMulti) return multi(write.body());
  JuteReader in(write.body());
  return operation(op, in, effects_.body);
}

ErrorCode Evaluation::operation(OpCode op, JuteReader& in, std::string& out) {
  constexpr ErrorCode kUndecodable = ErrorCode::kMarshallingError;
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl: {
      CreateRequest request;
      return read(in, request, op == OpCode::kCreateTtl) ? create(op, request, out) : kUndecodable;
    }
    case OpCode::kDelete: {
      PathVersionRequest request;
      return read(in, request) ? remove(request) : kUndecodable;
    }
    case OpCode::kSetData: {
      SetDataRequest request;
      return read(in, request) ? set_data(request, out) : kUndecodable;
    }
    case OpCode::kSetAcl: {
      SetAclRequest request;
      return read(in, request) ? set_acl(request, out) : kUndecodable;
    }
    case OpCode::kCheck: {
      // Only inside a multi.
      if (!in_multi_) return ErrorCode::kUnimplemented;
      PathVersionRequest request;
      return read(in, request) ? check(request) : kUndecodable;
    }
    case OpCode::kReconfig: return ErrorCode::kReconfigDisabled;
    default: return ErrorCode::kUnimplemented;
  }
}

bool Evaluation::allowed(NodeSlot slot, int32_t wanted) {
  if (write_->skip_acl()) return true;
  const Acl& acl = state_.acls.get(state_.tree.fields(slot).acl);
  return permits_anyone(acl, wanted) || permits(acl, wanted, caller_ids());
}

tl::expected<Acl, ErrorCode> Evaluation::stored_acl(const std::vector<AclEntry>& requested) {
  const bool needs_ids = std::any_of(requested.begin(), requested.end(), [](const AclEntry& entry) {
    return entry.scheme == kSchemeAuth;
  });
  if (needs_ids) return normalise_acl(requested, caller_ids());
  return normalise_acl(requested, {});
}

// Most lists grant to world:anyone, so most writes need no copy of the ids.
const std::vector<AuthId>& Evaluation::caller_ids() {
  if (!caller_ids_) {
    caller_ids_.emplace();
    caller_ids_->reserve(static_cast<size_t>(write_->auth_ids_size()));
    for (const entry::AuthId& id : write_->auth_ids()) {
      caller_ids_->push_back({id.scheme(), id.id()});
    }
  }
  return *caller_ids_;
}

ErrorCode Evaluation::check_quota(NodeSlot parent, std::string_view name, const QuotaUsage& more) {
  const Quota* const quota = state_.quotas.governing(state_.tree, parent, name);
  if (quota == nullptr) return ErrorCode::kOk;
  const QuotaVerdict verdict = judge(*quota, more);
  if (verdict == QuotaVerdict::kOverHardLimit && write_->enforce_quota()) {
    return ErrorCode::kQuotaExceeded;
  }
  if (verdict != QuotaVerdict::kWithin) ++state_.soft_quota_excesses;
  return ErrorCode::kOk;
}

void Evaluation::tell(EventType type, size_t path_offset, size_t path_size, AclId acl) {
  effects_.events.push_back(
      {type, static_cast<uint32_t>(path_offset), static_cast<uint32_t>(path_size), acl});
}

}  // namespace topod::state
