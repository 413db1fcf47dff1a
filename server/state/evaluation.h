// The evaluation of one client write: who asks, by what entry, and the operations. Each operation
// makes all its checks before it changes anything, in the order in which the protocol defines
// their errors, and appends its result to `out` only if it succeeds. Internal to evaluate.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/entry.pb.h"
#include "proto/records.h"
#include "server/state/evaluate.h"
#include "server/state/tree_writer.h"

namespace topod::state {

class Evaluation {
 public:
  Evaluation(State& state, Zxid zxid, int64_t time_ms, Effects& effects)
      : state_(state), zxid_(zxid), time_ms_(time_ms), effects_(effects), writer_(state) {}

  // A client's write, its session and attachment being in order.
  ErrorCode write(const entry::ClientWrite& write);

  // Removes all ephemerals of a session, in the order in which they were made.
  void remove_ephemerals(const Session& session);
  // Removes a znode that has no children, and tells of it.
  void remove(NodeSlot slot, std::string_view path);

 private:
  // Reads one operation behind its header and carries it out.
  ErrorCode operation(OpCode op, JuteReader& in, std::string& out);

  // evaluate_create.cc
  ErrorCode create(OpCode op, const CreateRequest& request, std::string& out);
  [[nodiscard]] ErrorCode choose_mode(OpCode op, const CreateRequest& request,
                                      CreateMode& mode) const;
  [[nodiscard]] ErrorCode check_creation(NodeSlot parent, std::string_view path,
                                         NullableBytes data);
  NodeSlot add_node(NodeSlot parent, std::string_view name, const CreateRequest& request,
                    CreateMode mode, const Acl& acl);

  // evaluate_change.cc
  ErrorCode remove(const PathVersionRequest& request);
  ErrorCode set_data(const SetDataRequest& request, std::string& out);
  ErrorCode set_acl(const SetAclRequest& request, std::string& out);
  ErrorCode check(const PathVersionRequest& request);

  // evaluate_multi.cc
  ErrorCode multi(std::string_view body);

  [[nodiscard]] bool allowed(NodeSlot slot, int32_t wanted);
  [[nodiscard]] tl::expected<Acl, ErrorCode> stored_acl(const std::vector<AclEntry>& requested);
  [[nodiscard]] const std::vector<AuthId>& caller_ids();
  [[nodiscard]] ErrorCode check_quota(NodeSlot parent, std::string_view name,
                                      const QuotaUsage& more);
  void tell(EventType type, size_t path_offset, size_t path_size, AclId acl);

  State& state_;
  const Zxid zxid_;
  const int64_t time_ms_;
  Effects& effects_;
  TreeWriter writer_;
  const entry::ClientWrite* write_ = nullptr;
  bool in_multi_ = false;
  std::optional<std::vector<AuthId>> caller_ids_;  // copied when first asked for
};

}  // namespace topod::state
