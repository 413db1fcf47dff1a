#include "tests/sim/snapshots.h"

#include <cstring>
#include <utility>

#include "proto/check.h"
#include "proto/jute.h"
#include "proto/mutants.h"
#include "proto/peer.pb.h"

namespace topod::sim {

namespace {

constexpr size_t kChunkBytes = 16'384;

// One row: which table, its key, its bytes.
template <class Id>
void cut_up(char table, const std::map<Id, std::string>& rows, std::vector<std::string>& chunks) {
  for (const auto& [id, row] : rows) {
    if (chunks.empty() || chunks.back().size() > kChunkBytes) chunks.emplace_back();
    JuteWriter out(chunks.back());
    out.write_byte(static_cast<uint8_t>(table));
    out.write_long(static_cast<int64_t>(id.value()));
    out.write_buffer(row);
  }
}

bool take_rows(std::string_view bytes, StoredTree& tree) {
  JuteReader in(bytes);
  while (in.ok() && in.remaining() > 0) {
    const auto table = static_cast<char>(in.read_byte());
    const int64_t id = in.read_long();
    std::string row(in.read_buffer().value_or(std::string_view{}));
    switch (table) {
      case 'n': tree.nodes[NodeId(static_cast<uint64_t>(id))] = std::move(row); break;
      case 'a': tree.acls[AclId(static_cast<uint32_t>(id))] = std::move(row); break;
      case 's': tree.sessions[SessionId(id)] = std::move(row); break;
      case 'm': tree.members[ServerId(static_cast<uint32_t>(id))] = std::move(row); break;
      default: return false;
    }
  }
  return in.ok();
}

}  // namespace

Snapshots::Snapshots(World& world, Links& links, TreeStore& tree, StoredTrees& trees,
                     Links::Deliver deliver, Events events)
    : world_(world),
      links_(links),
      tree_(tree),
      trees_(trees),
      deliver_(std::move(deliver)),
      events_(std::move(events)) {}

World::Action Snapshots::alive(std::function<void()> action) {
  return [is_alive = std::weak_ptr<bool>(is_alive_), moved = std::move(action)] {
    if (!is_alive.expired()) moved();
  };
}

// ---- sending -------------------------------------------------------------------------------

void Snapshots::send(LinkId link) {
  auto sending = std::make_shared<Sending>();
  sending->link = link;
  sending->tree = tree_.current();
  cut_up('a', sending->tree.acls, sending->chunks);
  cut_up('n', sending->tree.nodes, sending->chunks);
  if (!MUTANT(SnapshotWithoutSessions)) cut_up('s', sending->tree.sessions, sending->chunks);
  cut_up('m', sending->tree.members, sending->chunks);
  sending_[link] = sending;
  peer::Message message;
  peer::SnapshotBegin& begin = *message.mutable_snapshot_begin();
  begin.set_zxid(sending->tree.meta.zxid.value());
  encode(sending->tree.meta, *begin.mutable_meta());
  world_.note("sends a tree", sending->tree.meta.zxid, sending->chunks.size());
  links_.send(link, message.SerializeAsString());
  send_piece(sending);
}

void Snapshots::send_piece(const std::shared_ptr<Sending>& sending) {
  const int64_t pause_us = world_.random().skewed(100, 30 * kMillisecond);
  world_.after(
      pause_us, alive([this, sending] {
        const auto under_way = sending_.find(sending->link);
        if (under_way == sending_.end() || under_way->second != sending) return;
        peer::Message message;
        if (sending->next < sending->chunks.size()) {
          peer::SnapshotChunk& chunk = *message.mutable_snapshot_chunk();
          chunk.set_rows(sending->chunks[sending->next++]);
          chunk.set_number(sending->next);
          links_.send(sending->link, message.SerializeAsString());
          send_piece(sending);
          return;
        }
        message.mutable_snapshot_end()->set_chunks(sending->next);
        links_.send(sending->link, message.SerializeAsString());
        sending_.erase(under_way);
        deliver_([this, sending] { events_.sent(sending->link, sending->tree.meta.zxid, true); });
      }));
}

// ---- receiving -----------------------------------------------------------------------------

bool Snapshots::receive(LinkId link, const peer::Message& part) {
  if (part.has_snapshot_begin()) {
    const auto meta = storage::decode_checkpoint(part.snapshot_begin().meta());
    if (!meta) return false;
    receiving_ = link;
    ++receiving_number_;
    received_ = {};
    received_.meta = *meta;
    // What the sender has promised and where its log stands is its own.
    received_.meta.accepted_epoch = received_.meta.current_epoch = Epoch{};
    received_.meta.log_segment = received_.meta.log_offset_bytes = 0;
    return true;
  }
  if (receiving_ != link) return true;  // of one that was given up
  if (part.has_snapshot_chunk()) return take_rows(part.snapshot_chunk().rows(), received_);
  if (part.has_snapshot_end()) {
    const int64_t work_us = world_.random().skewed(1 * kMillisecond, 300 * kMillisecond);
    world_.after(work_us, alive([this, number = receiving_number_] {
                   if (receiving_ != LinkId{} && number == receiving_number_) finish_receiving();
                 }));
  }
  return true;
}

void Snapshots::finish_receiving() {
  const uint64_t generation = tree_.generation() + 1;
  std::string why;
  zab::ReceivedSnapshot snapshot;
  snapshot.state = received_.load(why);
  if (snapshot.state == nullptr) {
    world_.violated("snapshots", "a received tree cannot be loaded: " + why);
    return;
  }
  snapshot.zxid = received_.meta.zxid;
  snapshot.generation = generation;
  snapshot.digest = std::to_string(received_.meta.digest_low);
  trees_[generation] = std::move(received_);
  world_.note("has received a tree", snapshot.zxid, generation);
  const LinkId link = held_ = std::exchange(receiving_, LinkId{});
  auto shared = std::make_shared<zab::ReceivedSnapshot>(std::move(snapshot));
  deliver_([this, link, shared] { events_.received(link, std::move(*shared)); });
}

void Snapshots::cancel(LinkId link) {
  sending_.erase(link);
  if (receiving_ == link) receiving_ = LinkId{};
  if (held_ != link) return;
  held_ = LinkId{};
  std::erase_if(trees_, [&](const auto& tree) { return tree.first > tree_.generation(); });
}

}  // namespace topod::sim
