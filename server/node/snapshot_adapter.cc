#include "server/node/snapshot_adapter.h"

#include <string>
#include <utility>

#include "proto/peer.pb.h"

namespace topod::node {

SnapshotAdapter::SnapshotAdapter(asio::io_context& io, PeerNet& net, TreeAdapter& tree,
                                 LogAdapter& log, const Config& config, Events events)
    : sender_(io, net,
              {.store = [&tree] { return tree.store(); },
               .hold_log = [&log](LinkId link, storage::LogPosition from) { log.hold(link, from); },
               .end_hold = [&log](LinkId link) { log.end_hold(link); },
               .sent = std::move(events.sent)}),
      receiver_(
          io, config.data_dir, tree.generation(), config.server_id, {.map_bytes = config.map_bytes},
          {.is_needed =
               [&tree, &log](uint64_t generation) {
                 return generation == tree.generation() || generation == log.logged_generation();
               },
           .stored =
               [&net](LinkId link, uint64_t chunks) {
                 peer::Message message;
                 message.mutable_snapshot_progress()->set_chunks(chunks);
                 net.send(link, message.SerializeAsString());
               },
           .received = std::move(events.received),
           .broken = [&net](LinkId link, const std::string& why) { net.close(link, why); }}) {}

bool SnapshotAdapter::receive(LinkId link, const peer::Message& part) {
  switch (part.kind_case()) {
    case peer::Message::kSnapshotBegin: return receiver_.begin(link, part.snapshot_begin());
    case peer::Message::kSnapshotChunk: return receiver_.chunk(link, part.snapshot_chunk());
    case peer::Message::kSnapshotEnd: return receiver_.end(link, part.snapshot_end());
    case peer::Message::kSnapshotProgress:
      return sender_.progress(link, part.snapshot_progress().chunks());
    default: return false;
  }
}

void SnapshotAdapter::cancel(LinkId link) {
  sender_.cancel(link);
  receiver_.cancel(link);
}

void SnapshotAdapter::stop() {
  sender_.stop();
  receiver_.stop();
}

}  // namespace topod::node
