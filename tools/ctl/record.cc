#include "tools/ctl/record.h"

#include <algorithm>
#include <array>
#include <memory>

#include "proto/topodata.pb.h"
#include "tools/ctl/record_json.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

namespace pb = google::protobuf;

struct NamedFile {
  std::string_view file;  // the last component of the path
  RecordType type;
};

constexpr std::array kFiles = {
    NamedFile{"CellInfo", "CellInfo"},
    NamedFile{"CellsAlias", "CellsAlias"},
    NamedFile{"Keyspace", "Keyspace"},
    NamedFile{"VSchema", "VSchema"},
    NamedFile{"Shard", "Shard"},
    NamedFile{"RoutingRules", "RoutingRules"},
    NamedFile{"ShardRoutingRules", "ShardRoutingRules"},
    NamedFile{"KeyspaceRoutingRules", "KeyspaceRoutingRules"},
    NamedFile{"MirrorRules", "MirrorRules"},
    NamedFile{"Tablet", "Tablet"},
    NamedFile{"SrvKeyspace", "SrvKeyspace"},
    NamedFile{"ShardReplication", "ShardReplication"},
    NamedFile{"SrvVSchema", "SrvVSchema"},
    NamedFile{"Workflow", "Workflow"},
};

constexpr std::string_view kExternalClusters = "/ExternalClusters/vitess/";
constexpr RecordType kExternalCluster = "ExternalVitessCluster";

std::unique_ptr<pb::Message> new_message(RecordType type) {
  const std::string name = "topod.topology." + std::string(type);
  const pb::Descriptor* descriptor =
      pb::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<pb::Message>(
      pb::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

}  // namespace

std::optional<RecordType> record_type_of(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  for (const NamedFile& named : kFiles) {
    if (named.file == file) return named.type;
  }
  const size_t clusters = path.find(kExternalClusters);
  if (clusters != std::string_view::npos &&
      path.find('/', clusters + kExternalClusters.size()) == std::string_view::npos) {
    return kExternalCluster;
  }
  return std::nullopt;
}

std::optional<RecordType> record_type_named(std::string_view name) {
  for (const NamedFile& named : kFiles) {
    if (equal_ignoring_case(named.type, name)) return named.type;
  }
  if (equal_ignoring_case(kExternalCluster, name)) return kExternalCluster;
  return std::nullopt;
}

tl::expected<Json, std::string> decode_record(RecordType type, std::string_view bytes) {
  const std::unique_ptr<pb::Message> message = new_message(type);
  if (!message) return tl::unexpected("no record is called " + std::string(type));
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return tl::unexpected("these " + std::to_string(bytes.size()) + " bytes are no " +
                          std::string(type));
  }
  return json_of(*message);
}

tl::expected<std::string, std::string> encode_record(RecordType type, const Json& value) {
  const std::unique_ptr<pb::Message> message = new_message(type);
  if (!message) return tl::unexpected("no record is called " + std::string(type));
  if (auto filled = fill_message(*message, value); !filled) {
    return tl::unexpected(std::string(type) + ": " + filled.error());
  }
  return serialized(*message);
}

bool has_unknown_fields(const Json& value) {
  if (!value.is_structured()) return false;
  if (value.is_object() && value.contains(kUnknownKey)) return true;
  return std::any_of(value.begin(), value.end(), has_unknown_fields);
}

}  // namespace topod::ctl
