// Whole trees from one member's stored tree to another's: begun, sent in pieces that take time,
// checked, and kept as the next generation until the log makes it the current one. Of one process.
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "server/node/interfaces.h"
#include "server/zab/follower.h"
#include "tests/sim/links.h"
#include "tests/sim/tree_store.h"

namespace topod::sim {

class Snapshots final : public node::SnapshotStore {
 public:
  // Called in a turn of this process.
  struct Events {
    std::function<void(LinkId, Zxid, bool ok)> sent;
    std::function<void(LinkId, zab::ReceivedSnapshot)> received;
  };

  Snapshots(World& world, Links& links, TreeStore& tree, StoredTrees& trees, Links::Deliver deliver,
            Events events);

  void send(LinkId link) override;
  bool receive(LinkId link, const peer::Message& part) override;
  void cancel(LinkId link) override;

 private:
  // A tree on its way out: it is what it was when the sending began.
  struct Sending {
    LinkId link;
    StoredTree tree;
    std::vector<std::string> chunks;
    size_t next = 0;
  };

  void send_piece(const std::shared_ptr<Sending>& sending);
  void finish_receiving();
  [[nodiscard]] World::Action alive(std::function<void()> action);

  World& world_;
  Links& links_;
  TreeStore& tree_;
  StoredTrees& trees_;
  Links::Deliver deliver_;
  Events events_;
  std::map<LinkId, std::shared_ptr<Sending>> sending_;
  LinkId receiving_;  // 0: nothing
  LinkId held_;       // the link of a tree that is whole and not installed
  uint64_t receiving_number_ = 0;
  StoredTree received_;
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace topod::sim
