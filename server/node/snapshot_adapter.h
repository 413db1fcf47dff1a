// Whole trees for and from peers behind the loop's interface: joins sender and receiver with the
// links, the stored tree and the log. Loop thread only.
#pragma once

#include <functional>

#include <asio/io_context.hpp>

#include "server/node/config.h"
#include "server/node/interfaces.h"
#include "server/node/log_adapter.h"
#include "server/node/snapshot_receiver.h"
#include "server/node/snapshot_sender.h"
#include "server/node/tree_adapter.h"
#include "server/zab/follower.h"

namespace topod::node {

class SnapshotAdapter final : public SnapshotStore {
 public:
  // Called on the loop.
  struct Events {
    std::function<void(LinkId, Zxid, bool ok)> sent;
    std::function<void(LinkId, zab::ReceivedSnapshot)> received;
  };

  // `net`, `tree` and `log` must outlive it.
  SnapshotAdapter(asio::io_context& io, PeerNet& net, TreeAdapter& tree, LogAdapter& log,
                  const Config& config, Events events);

  void send(LinkId link) override { sender_.send(link); }
  bool receive(LinkId link, const peer::Message& part) override;
  void cancel(LinkId link) override;
  // Before the tree is stopped.
  void stop();

 private:
  SnapshotSender sender_;
  SnapshotReceiver receiver_;
};

}  // namespace topod::node
