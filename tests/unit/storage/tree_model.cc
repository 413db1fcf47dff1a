#include "tests/unit/storage/tree_model.h"

#include <iterator>

namespace topod::storage {

namespace {

uint64_t below(std::mt19937_64& random, uint64_t limit) { return random() % limit; }

std::string bytes_at_random(std::mt19937_64& random, size_t bytes_max) {
  // Short ones mostly: that is what makes rows move between their two forms.
  const size_t limit = below(random, 4) == 0 ? bytes_max : std::min<size_t>(bytes_max, 200);
  std::string bytes(below(random, limit + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

template <class Map>
auto any_of(Map& map, std::mt19937_64& random) {
  return std::next(map.begin(), static_cast<std::ptrdiff_t>(below(random, map.size())));
}

}  // namespace

NodeRow sample_node(uint64_t id, std::string_view name, std::string_view data) {
  NodeRow row;
  row.id = NodeId(id);
  row.parent = NodeId(id / 2);
  const auto number = static_cast<int64_t>(id);
  row.czxid = Zxid(number * 3);
  row.mzxid = Zxid(number * 5);
  row.pzxid = Zxid(number * 7);
  row.ctime_ms = 1'700'000'000'000 + number;
  row.mtime_ms = row.ctime_ms + 1;
  row.children_created = number - 1;
  row.owner_or_ttl_ms = number * 11;
  row.version = static_cast<int32_t>(id % 9) - 1;
  row.aversion = static_cast<int32_t>(id % 4);
  row.acl = AclId(static_cast<uint32_t>(id % 3));
  row.kind = static_cast<StoredKind>(id % 4);
  row.name = name;
  row.data = data;
  return row;
}

void TreeModel::put_node(const NodeRow& row, Checkpoint& checkpoint) {
  std::string why;
  (void)node(row, why);
  checkpoint.put_node(row);
}

void TreeModel::remove_node(NodeId id, Checkpoint& checkpoint) {
  nodes.erase(id);
  checkpoint.remove_node(id);
}

void TreeModel::put_acl(AclId id, const std::string& list, Checkpoint& checkpoint) {
  acls[id] = list;
  checkpoint.put_acl({id, list});
}

void TreeModel::remove_acl(AclId id, Checkpoint& checkpoint) {
  acls.erase(id);
  checkpoint.remove_acl(id);
}

void TreeModel::put_session(const SessionRow& row, Checkpoint& checkpoint) {
  sessions[row.id] = row;
  checkpoint.put_session(row);
}

void TreeModel::remove_session(SessionId id, Checkpoint& checkpoint) {
  sessions.erase(id);
  checkpoint.remove_session(id);
}

void TreeModel::put_member(const MemberRow& row, Checkpoint& checkpoint) {
  members[row.id] = row;
  checkpoint.put_member(row);
}

void TreeModel::change_at_random(std::mt19937_64& random, size_t bytes_max,
                                 Checkpoint& checkpoint) {
  switch (below(random, 10)) {
    case 0:
    case 1:
    case 2: {  // create
      const uint64_t last = nodes.empty() ? 0 : nodes.rbegin()->first.value();
      const std::string name = bytes_at_random(random, bytes_max / 4);
      NodeRow row = sample_node(last + 1 + below(random, 3), name, {});
      row.data_is_null = below(random, 4) == 0;
      const std::string data = row.data_is_null ? "" : bytes_at_random(random, bytes_max);
      row.data = data;
      put_node(row, checkpoint);
      break;
    }
    case 3:
    case 4:
    case 5: {  // set
      if (nodes.empty()) break;
      const OwnedNode before = any_of(nodes, random)->second;
      NodeRow row = before.view();
      const std::string data = bytes_at_random(random, bytes_max);
      row.data = data;
      row.data_is_null = false;
      ++row.version;
      put_node(row, checkpoint);
      break;
    }
    case 6:  // delete, sometimes what is not there
      if (nodes.empty()) break;
      remove_node(below(random, 8) == 0 ? NodeId(1'000'000) : any_of(nodes, random)->first,
                  checkpoint);
      break;
    case 7: {
      const AclId id(static_cast<uint32_t>(below(random, 20)));
      if (below(random, 3) == 0) {
        remove_acl(id, checkpoint);
      } else {
        put_acl(id, bytes_at_random(random, bytes_max), checkpoint);
      }
      break;
    }
    case 8: {
      const SessionId id(static_cast<int64_t>(below(random, 20)) << 40);
      if (below(random, 3) == 0) {
        remove_session(id, checkpoint);
        break;
      }
      SessionRow row;
      row.id = id;
      row.timeout_ms = static_cast<int32_t>(below(random, 60'000));
      for (uint8_t& byte : row.secret) byte = static_cast<uint8_t>(random());
      row.server = ServerId(static_cast<uint32_t>(below(random, 5)));
      row.incarnation = Incarnation(random());
      row.connection = ConnectionId(random());
      put_session(row, checkpoint);
      break;
    }
    default: {
      MemberRow row;
      row.id = ServerId(static_cast<uint32_t>(below(random, 5)));
      row.incarnation = Incarnation(random());
      row.last_forward_number = random();
      put_member(row, checkpoint);
    }
  }
}

CheckpointMeta TreeModel::meta(int64_t zxid) const {
  CheckpointMeta meta;
  meta.feature_level = 1;
  meta.server = ServerId(1);
  meta.acl_counter = 20;
  meta.ensemble = EnsembleId(0x1234'5678'9abc'def0);
  meta.zxid = Zxid(zxid);
  meta.accepted_epoch = Epoch(2);
  meta.current_epoch = Epoch(1);
  meta.log_segment = 7;
  meta.log_offset_bytes = 4'096;
  meta.digest_low = static_cast<uint64_t>(zxid) * 3;
  meta.digest_high = static_cast<uint64_t>(zxid) * 5;
  meta.znode_count = nodes.size();
  meta.next_node_id = nodes.empty() ? 1 : nodes.rbegin()->first.value() + 1;
  return meta;
}

bool TreeModel::acl(const AclRow& row, std::string&) {
  return acls.emplace(row.id, row.serialized).second;
}

bool TreeModel::node(const NodeRow& row, std::string&) {
  OwnedNode owned{row, std::string(row.name), std::string(row.data)};
  owned.row.name = {};
  owned.row.data = {};
  return nodes.insert_or_assign(row.id, std::move(owned)).second;
}

bool TreeModel::session(const SessionRow& row, std::string&) {
  return sessions.emplace(row.id, row).second;
}

bool TreeModel::member(const MemberRow& row, std::string&) {
  return members.emplace(row.id, row).second;
}

}  // namespace topod::storage
