// The znodes of one ensemble as commands want them: blocking calls over one session that is made
// at the first of them, failures as exit codes and sentences, many requests in flight at once.
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/client/client.h"
#include "tools/ctl/config_file.h"
#include "tools/ctl/result.h"

namespace topod::ctl {

using client::Acl;
using client::Acls;
using client::Children;
using client::CreateOptions;
using client::Node;

// What a failed call means for the user.
[[nodiscard]] Failure failure_of(const client::Error& error);

// For a file of Vitess's: everybody reads and writes it, nobody creates anything below.
[[nodiscard]] CreateOptions file_options();

// One znode with everything that getData and getACL tell.
struct Znode {
  std::string path;
  client::Data data;
  Stat stat;
  Acls acls;                          // only if asked for
  std::vector<std::string> children;  // names
  // The requests that it was put together from found the same Stat; or at least the same znode
  // with the same children and the same ACL, whatever was written to it.
  bool steady = true;
  bool steady_shape = true;
};

// Between these two, names of children and ACL were the same.
[[nodiscard]] bool has_same_shape(const Stat& a, const Stat& b);

class Znodes {
 public:
  Znodes(std::string addresses, std::unique_ptr<client::Client> client)
      : addresses_(std::move(addresses)), client_(std::move(client)) {}

  [[nodiscard]] const std::string& addresses() const { return addresses_; }
  [[nodiscard]] client::Client& client() { return *client_; }

  [[nodiscard]] Result<Node> get(const std::string& path);
  [[nodiscard]] Result<std::optional<Node>> get_if_there(const std::string& path);
  [[nodiscard]] Result<std::optional<Stat>> exists(const std::string& path);
  [[nodiscard]] Result<Children> children(const std::string& path);
  // Nothing if the znode is not there.
  [[nodiscard]] Result<std::vector<std::string>> children_if_there(const std::string& path);
  [[nodiscard]] Result<client::AclsOf> acls(const std::string& path);
  [[nodiscard]] Result<client::Created> create(const std::string& path, const client::Data& data,
                                               const CreateOptions& options);
  // What is missing above it, empty and open to everybody, as Vitess makes it; then the znode.
  [[nodiscard]] Result<client::Created> create_with_parents(const std::string& path,
                                                            const client::Data& data,
                                                            const CreateOptions& options);
  [[nodiscard]] Result<Stat> set(const std::string& path, const client::Data& data,
                                 int32_t version);
  [[nodiscard]] Result<void> remove(const std::string& path, int32_t version);
  // Whatever is read next has seen every write that was acknowledged before.
  [[nodiscard]] Result<void> sync();

  // From now on `get_all` and `walk` leave out what the access control lists do not let us read,
  // but for the root of a walk, and remember it.
  void leave_out_unreadable() { leaves_out_ = true; }
  [[nodiscard]] const std::set<std::string>& left_out() const { return left_out_; }
  // Whether this is such a failure; then it is remembered.
  [[nodiscard]] bool leaves_out(const std::string& path, const client::Error& error);

  // Each request's own outcome, in their order; they are under way together. The failure of the
  // whole is that of the connection.
  [[nodiscard]] Result<std::vector<client::Result<client::Reply>>> call_all(
      std::vector<client::Request> requests);
  [[nodiscard]] Result<std::vector<client::MultiResult>> multi(
      const std::vector<client::Request>& operations);

  // Data and stat of many znodes; those that are gone are left out.
  [[nodiscard]] Result<std::vector<Znode>> get_all(const std::vector<std::string>& paths);

  // From `root` down, level by level, parents before children and children in the order of their
  // names. What vanishes meanwhile is left out. `depth` 0: only the root.
  struct WalkOptions {
    bool with_data = false;
    bool with_acls = false;
    int depth = 1'000'000;
  };
  [[nodiscard]] Result<std::vector<Znode>> walk(const std::string& root,
                                                const WalkOptions& options);

 private:
  template <class T>
  [[nodiscard]] Result<T> checked(client::Result<T> result);

  std::string addresses_;
  std::unique_ptr<client::Client> client_;
  bool leaves_out_ = false;
  std::set<std::string> left_out_;
};

}  // namespace topod::ctl
