#include "server/node/stored_tree.h"

#include <vector>

#include "server/node/logging.h"
#include "server/node/state_rows.h"
#include "storage/loader.h"

namespace topod::node {

namespace {

// Rows into the state, in the loader's order.
class StateLoader final : public storage::LoadVisitor {
 public:
  explicit StateLoader(state::State& state) : state_(state) {}
  bool acl(const storage::AclRow& row, std::string& why) override {
    return load_row(state_, row, why);
  }
  bool node(const storage::NodeRow& row, std::string& why) override {
    return load_row(state_, row, why);
  }
  bool session(const storage::SessionRow& row, std::string&) override {
    load_row(state_, row);
    return true;
  }
  bool member(const storage::MemberRow& row, std::string&) override {
    load_row(state_, row);
    return true;
  }

 private:
  state::State& state_;
};

}  // namespace

storage::Checkpoint whole_checkpoint(const state::State& state) {
  storage::Checkpoint checkpoint;
  std::vector<state::NodeSlot> todo = {state.tree.root()};
  while (!todo.empty()) {
    const state::NodeSlot slot = todo.back();
    todo.pop_back();
    checkpoint.put_node(row_of(state.tree, slot));
    const AclId acl = state.tree.fields(slot).acl;
    const std::string bytes = state::serialize_acl(state.acls.get(acl));
    checkpoint.put_acl({acl, bytes});
    for (state::NodeSlot child = state.tree.first_child(slot); child != state::kNoNode;
         child = state.tree.next_sibling(child)) {
      todo.push_back(child);
    }
  }
  for (const auto& [id, session] : state.sessions) checkpoint.put_session(row_of(session));
  for (const auto& [id, member] : state.members) checkpoint.put_member(row_of(member));
  return checkpoint;
}

Started<StoredTree> load_stored_tree(const std::string& path) {
  StoredTree tree;
  StateLoader loader(tree.state);
  const auto loaded = storage::load_tree(path, loader);
  if (!loaded) return startup_failure(loaded.error());
  const storage::CheckpointMeta& meta = tree.meta = loaded->meta;
  if (meta.feature_level > state::kFeatureLevel) {
    return startup_failure(kExitFailed, path + " was written by a newer topod (feature level " +
                                            std::to_string(meta.feature_level) +
                                            ", this one knows " +
                                            std::to_string(state::kFeatureLevel) + ")");
  }
  std::string why;
  if (!tree.state.finish_loading(meta.zxid, meta.next_node_id, meta.acl_counter, meta.feature_level,
                                 why)) {
    return startup_failure(kExitDamaged, path + ": " + why);
  }
  if (tree.state.digest != state::Digest(meta.digest_low, meta.digest_high)) {
    return startup_failure(
        kExitDamaged, path + ": the rows do not add up to the digest of their checkpoint at zxid " +
                          hex(meta.zxid.value()));
  }
  return tree;
}

Started<storage::Store> create_stored_tree(const std::string& path,
                                           const storage::Store::Options& options,
                                           const state::State& state,
                                           const storage::CheckpointMeta& meta) {
  auto store = storage::Store::create(path, options, whole_checkpoint(state), meta);
  if (!store) return startup_failure(store.error());
  return std::move(*store);
}

Started<void> put_aside_diverged_tree(const std::string& data_dir, uint64_t generation) {
  const auto aside = storage::set_aside(storage::posix_file_system(), data_dir,
                                        "tree." + std::to_string(generation));
  if (!aside) return startup_failure(aside.error());
  log_warn("store",
           "the tree that differed from the ensemble's is kept; look at it, then remove it",
           {{"kept", *aside}});
  return {};
}

storage::CheckpointMeta checkpoint_meta(const state::State& state, const zab::Promises& promises,
                                        const storage::DirectoryIdentity& identity,
                                        storage::LogPosition position) {
  storage::CheckpointMeta meta;
  meta.feature_level = state.feature_level;
  meta.server = identity.server;
  meta.ensemble = EnsembleId(promises.founding.ensemble());
  meta.acl_counter = state.acls.counter();
  meta.zxid = state.applied;
  meta.accepted_epoch = promises.accepted_epoch;
  meta.current_epoch = promises.current_epoch;
  meta.log_segment = position.segment;
  meta.log_offset_bytes = position.offset;
  meta.digest_low = state.digest.low();
  meta.digest_high = state.digest.high();
  meta.znode_count = state.tree.size();
  meta.data_bytes = state.tree.data_bytes();
  meta.next_node_id = state.tree.next_node_id();
  return meta;
}

}  // namespace topod::node
