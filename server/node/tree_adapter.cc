#include "server/node/tree_adapter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <asio/post.hpp>

#include "proto/check.h"
#include "server/node/logging.h"
#include "server/node/state_rows.h"
#include "server/node/stored_tree.h"

namespace topod::node {

namespace {

template <class Id>
void sort_unique(std::vector<Id>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

Started<void> remove_replaced_tree(const std::string& data_dir, uint64_t generation) {
  const auto removed = storage::remove_folder(storage::posix_file_system(),
                                              storage::tree_path(data_dir, generation));
  if (!removed) return startup_failure(removed.error());
  return {};
}

}  // namespace

TreeAdapter::TreeAdapter(asio::io_context& io, storage::Store store, uint64_t generation,
                         const Config& config, const storage::DirectoryIdentity& identity,
                         Events events)
    : io_(io),
      config_(config),
      identity_(identity),
      events_(std::move(events)),
      generation_(generation) {
  start(std::move(store));
}

TreeAdapter::~TreeAdapter() {
  if (retiring_.joinable()) retiring_.join();
}

void TreeAdapter::start(storage::Store store) {
  storage::StoreThreadOptions options;
  options.scrub_period = std::chrono::milliseconds(config_.scrub_period_ms);
  // What the thread of an earlier generation still says means nothing any more.
  const auto post = [this, generation = generation_](auto act) {
    asio::post(io_, [this, generation, act = std::move(act)] {
      if (generation == generation_) act();
    });
  };
  storage::StoreCallbacks callbacks;
  callbacks.on_checkpoint = [this, post](const storage::CheckpointMeta&, int64_t commit_ns) {
    post([this, commit_ns] { done(commit_ns); });
  };
  callbacks.on_fatal = [this, post](const storage::StorageError& error) {
    post([this, what = error.what] { events_.fatal(what); });
  };
  callbacks.on_no_space = [this, post](bool no_space) {
    post([this, no_space] { events_.no_space(no_space); });
  };
  callbacks.on_damage = [](const storage::StorageError& error) {
    // The tree in memory is whole; the operator should replace the disk or restore a member.
    log_error("store", "the scrub found damage in the stored tree", {{"what", error.what}});
  };
  thread_ = std::make_shared<storage::StoreThread>(std::move(store), options, std::move(callbacks));
}

void TreeAdapter::switch_generation(uint64_t generation, ReplacedTree replaced) {
  retire(std::move(thread_), std::exchange(generation_, generation), replaced);
  events_.no_space(false);
  gathering_ = {};
  gathering_since_ms_ = under_way_since_ms_ = 0;
  busy_ = false;
  under_way_ = previous_ = {};
  auto store = storage::Store::open(storage::tree_path(config_.data_dir, generation),
                                    {.map_bytes = config_.map_bytes});
  if (!store) return events_.fatal(store.error().what);
  start(std::move(*store));
}

void TreeAdapter::retire(std::shared_ptr<storage::StoreThread> thread, uint64_t generation,
                         ReplacedTree replaced) {
  if (retiring_.joinable()) retiring_.join();
  retiring_ = std::thread(
      [thread = std::move(thread), generation, replaced, data_dir = config_.data_dir]() mutable {
        thread->stop();
        thread.reset();
        const bool is_kept = replaced == ReplacedTree::kPutAside;
        const auto done = is_kept ? put_aside_diverged_tree(data_dir, generation)
                                  : remove_replaced_tree(data_dir, generation);
        if (done) return;
        log_warn("store", "the tree that was replaced is still there; the next start tries again",
                 {{"why", done.error().what}});
      });
}

void TreeAdapter::collect(const state::State& state, const state::Changes& changes) {
  const state::Tree& tree = state.tree;
  changed_nodes_ = changes.nodes;
  sort_unique(changed_nodes_);
  for (const NodeId id : changed_nodes_) {
    const state::NodeSlot slot = tree.by_id(id);
    if (slot == state::kNoNode) {
      gathering_.remove_node(id);
    } else {
      gathering_.put_node(row_of(tree, slot));
    }
  }
  for (const AclId id : changes.acls) {
    const state::Acl* acl = state.acls.find(id);
    if (acl == nullptr) {
      gathering_.remove_acl(id);
    } else {
      const std::string bytes = state::serialize_acl(*acl);
      gathering_.put_acl({id, bytes});
    }
  }
  for (const SessionId id : changes.sessions) {
    const state::Session* session = state.sessions.find(id);
    if (session == nullptr) {
      gathering_.remove_session(id);
    } else {
      gathering_.put_session(row_of(*session));
    }
  }
  std::vector<ServerId> members = changes.members;
  sort_unique(members);
  for (const ServerId id : members) gathering_.put_member(row_of(state.members.at(id)));
}

void TreeAdapter::checkpoint_if_due(const zab::Replica& replica, int64_t now_ms) {
  if (gathering_since_ms_ == 0 && !gathering_.empty()) gathering_since_ms_ = now_ms;
  if (busy_ || gathering_.empty()) return;
  if (now_ms - last_begin_ms_ < config_.checkpoint_interval_ms &&
      gathering_.entries() < limits::kCheckpointMaxEntries &&
      gathering_.bytes() < limits::kCheckpointMaxBytes) {
    return;
  }
  last_begin_ms_ = now_ms;
  begin(replica);
}

void TreeAdapter::begin(const zab::Replica& replica) {
  busy_ = true;
  under_way_ = position_;
  under_way_since_ms_ = std::exchange(gathering_since_ms_, 0);
  under_way_zxid_ = replica.state().applied;
  thread_->submit(
      std::exchange(gathering_, storage::Checkpoint{}),
      checkpoint_meta(replica.state(), replica.durable_promises(), identity_, position_));
}

void TreeAdapter::done(int64_t commit_ns) {
  checkpoint_times_.add(commit_ns);
  durations_us_.add(commit_ns / 1000);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  last_ = StoredCheckpoint{under_way_zxid_,
                           std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()};
  under_way_since_ms_ = 0;
  busy_ = false;
  // The log is kept back to the checkpoint before, so that one bad checkpoint can be survived.
  if (previous_.segment > 0) events_.log_trimmable(previous_);
  previous_ = under_way_;
}

int64_t TreeAdapter::checkpoint_age_ms(int64_t now_ms) const {
  const int64_t since_ms = under_way_since_ms_ != 0 ? under_way_since_ms_ : gathering_since_ms_;
  return since_ms == 0 ? 0 : now_ms - since_ms;
}

void TreeAdapter::stop(const zab::Replica& replica) {
  if (thread_->drain() && !gathering_.empty()) begin(replica);
  thread_->stop();
  if (thread_->busy()) {
    log_warn("store", "the last checkpoint could not be written; the next start reads the log");
  }
}

}  // namespace topod::node
