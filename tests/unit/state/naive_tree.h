// What the tree of znodes means, written as plainly as possible: a map from paths to znodes, a
// multi works on a copy of it, quotas are counted afresh every time. Slow, and with nothing of the
// real one's machinery, for property tests to compare the two.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/codes.h"
#include "proto/records.h"
#include "server/state/acl.h"
#include "tests/unit/state/state_driver.h"

namespace topod::state {

struct NaiveNode {
  std::optional<std::string> data;
  Stat stat;  // but for data length and number of children, which are counted
  int64_t children_created = 0;
  bool is_reapable = false;
  int64_t ttl_ms = 0;
  Acl acl;
};

struct NaiveResult {
  ErrorCode error = ErrorCode::kOk;
  std::string path;                     // of a created znode
  Stat stat;                            // after it, of what was made or changed
  std::vector<NaiveResult> operations;  // of a multi
};

// Who writes, when and with what rights.
struct NaiveCaller {
  int64_t session = 0;
  std::vector<AuthId> ids;
  bool skip_acl = false;
  bool enforce_quota = false;
  bool ttl_enabled = true;
  int64_t zxid = 0;
  int64_t time_ms = 0;
};

class NaiveTree {
 public:
  NaiveTree();

  NaiveResult evaluate(const Request& request, const NaiveCaller& caller);
  void end_session(int64_t session, int64_t zxid);
  // What the reaper's entry does to a znode that has not been used since it was judged.
  void reap(const std::string& path, int64_t zxid, int64_t time_ms);

  [[nodiscard]] const std::map<std::string, NaiveNode>& nodes() const { return nodes_; }
  [[nodiscard]] Stat stat(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> children(const std::string& path) const;

 private:
  NaiveResult operation(OpCode op, JuteReader& in, bool in_multi);
  NaiveResult create(OpCode op, const CreateRequest& request, bool in_multi);
  NaiveResult remove(const PathVersionRequest& request);
  NaiveResult set_data(const SetDataRequest& request);
  NaiveResult set_acl(const SetAclRequest& request);
  NaiveResult check(const PathVersionRequest& request);
  NaiveResult multi(const std::string& body);

  [[nodiscard]] bool allowed(const std::string& path, int32_t wanted) const;
  [[nodiscard]] std::string quota_of(const std::string& path) const;  // "" if there is none
  [[nodiscard]] std::pair<int64_t, int64_t> usage_of(const std::string& quota) const;
  [[nodiscard]] bool fits_quota(const std::string& path, int64_t count, int64_t bytes) const;
  void rewrite_stats();
  void erase(const std::string& path, int64_t zxid);

  std::map<std::string, NaiveNode> nodes_;  // the root is "/"
  NaiveCaller caller_;
};

}  // namespace topod::state
