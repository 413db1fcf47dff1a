#include "tools/client/core/request.h"

namespace topod::client {

namespace {

Request request_of(OpCode op, std::string_view path, const auto& record,
                   Watch watch = Watch::kNone) {
  Request request{op, std::string(path), {}, watch};
  JuteWriter out(request.body);
  record.write(out);
  return request;
}

std::vector<AclEntry> entries(const Acls& acls) {
  std::vector<AclEntry> entries;
  entries.reserve(acls.size());
  for (const Acl& acl : acls) entries.push_back({acl.perms, acl.scheme, acl.id});
  return entries;
}

std::string owned(NullableBytes bytes) { return std::string(bytes.value_or(std::string_view{})); }

// What was read from an answer, if all of it was there.
template <class T>
Result<T> checked(const JuteReader& in, T value) {
  if (!in.ok()) return tl::unexpected(Error{.failure = Failure::kProtocol});
  return value;
}

std::vector<std::string> read_names(JuteReader& in) {
  std::vector<std::string_view> names;
  read_strings(in, names);
  return {names.begin(), names.end()};
}

bool has_ttl(CreateMode mode) {
  return mode == CreateMode::kPersistentTtl || mode == CreateMode::kPersistentSequentialTtl;
}

}  // namespace

Acls open_acls() { return {Acl{}}; }

Request create_request(std::string_view path, NullableBytes data, const CreateOptions& options) {
  const bool ttl = has_ttl(options.mode);
  OpCode op = ttl ? OpCode::kCreateTtl : OpCode::kCreate2;
  if (options.mode == CreateMode::kContainer) op = OpCode::kCreateContainer;
  Request request{op, std::string(path), {}, Watch::kNone};
  CreateRequest record;
  record.path = path;
  record.data = data;
  record.acl = entries(options.acls);
  record.flags = static_cast<int32_t>(options.mode);
  record.ttl_ms = options.ttl_ms;
  JuteWriter out(request.body);
  record.write(out, ttl);
  return request;
}

Request remove_request(std::string_view path, int32_t version) {
  return request_of(OpCode::kDelete, path, PathVersionRequest{path, version});
}

Request set_request(std::string_view path, NullableBytes data, int32_t version) {
  return request_of(OpCode::kSetData, path, SetDataRequest{path, data, version});
}

Request check_request(std::string_view path, int32_t version) {
  return request_of(OpCode::kCheck, path, PathVersionRequest{path, version});
}

Request set_acls_request(std::string_view path, const Acls& acls, int32_t version) {
  return request_of(OpCode::kSetAcl, path, SetAclRequest{path, entries(acls), version});
}

Request get_request(std::string_view path, bool watch) {
  return request_of(OpCode::kGetData, path, PathWatchRequest{path, watch},
                    watch ? Watch::kData : Watch::kNone);
}

Request exists_request(std::string_view path, bool watch) {
  return request_of(OpCode::kExists, path, PathWatchRequest{path, watch},
                    watch ? Watch::kExists : Watch::kNone);
}

Request children_request(std::string_view path, bool watch) {
  return request_of(OpCode::kGetChildren2, path, PathWatchRequest{path, watch},
                    watch ? Watch::kChildren : Watch::kNone);
}

Request acls_request(std::string_view path) {
  return request_of(OpCode::kGetAcl, path, PathRequest{path});
}

Request sync_request(std::string_view path) {
  return request_of(OpCode::kSync, path, PathRequest{path});
}

Request ephemerals_request(std::string_view prefix) {
  return request_of(OpCode::kGetEphemerals, prefix, PathRequest{prefix});
}

Request who_am_i_request() { return {OpCode::kWhoAmI}; }

Request add_watch_request(std::string_view path, bool recursive) {
  const auto mode = recursive ? AddWatchMode::kPersistentRecursive : AddWatchMode::kPersistent;
  return request_of(OpCode::kAddWatch, path, PathModeRequest{path, static_cast<int32_t>(mode)},
                    recursive ? Watch::kRecursive : Watch::kPersistent);
}

Request remove_watches_request(std::string_view path, WatcherType type) {
  return request_of(OpCode::kRemoveWatches, path,
                    PathModeRequest{path, static_cast<int32_t>(type)});
}

Request authenticate_request(std::string_view scheme, std::string_view auth) {
  return request_of(OpCode::kAuth, {}, AuthRequest{0, scheme, auth});
}

Request multi_request(const std::vector<Request>& operations) {
  Request request{
      OpCode::kMulti, operations.empty() ? "" : operations.front().path, {}, Watch::kNone};
  JuteWriter out(request.body);
  for (const Request& operation : operations) {
    MultiHeader{static_cast<int32_t>(operation.op), false, -1}.write(out);
    out.write_raw(operation.body);
  }
  MultiHeader::end().write(out);
  return request;
}

Result<Created> created(const Reply& reply) {
  JuteReader in(reply.body);
  Created created;
  created.path = owned(in.read_string());
  created.stat.read(in);
  return checked(in, std::move(created));
}

Result<Stat> stat_of(const Reply& reply) {
  JuteReader in(reply.body);
  Stat stat;
  stat.read(in);
  return checked(in, stat);
}

Result<Node> node(const Reply& reply) {
  JuteReader in(reply.body);
  Node node;
  if (const NullableBytes data = in.read_buffer()) node.data = std::string(*data);
  node.stat.read(in);
  return checked(in, std::move(node));
}

Result<Children> children(const Reply& reply) {
  JuteReader in(reply.body);
  Children children;
  children.names = read_names(in);
  children.stat.read(in);
  return checked(in, std::move(children));
}

Result<AclsOf> acls(const Reply& reply) {
  JuteReader in(reply.body);
  AclsOf result;
  std::vector<AclEntry> list;
  read_acl(in, list);
  for (const AclEntry& entry : list) {
    result.acls.push_back({entry.perms, owned(entry.scheme), owned(entry.id)});
  }
  result.stat.read(in);
  return checked(in, std::move(result));
}

Result<std::vector<std::string>> ephemerals(const Reply& reply) {
  JuteReader in(reply.body);
  std::vector<std::string> paths = read_names(in);
  return checked(in, std::move(paths));
}

Result<std::vector<Identity>> who_am_i(const Reply& reply) {
  JuteReader in(reply.body);
  std::vector<Identity> identities;
  const uint32_t count = in.read_count(2 * sizeof(int32_t)).value_or(0);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string scheme = owned(in.read_string());
    identities.push_back({std::move(scheme), owned(in.read_string())});
  }
  return checked(in, std::move(identities));
}

Result<std::vector<MultiResult>> multi_results(const Reply& reply) {
  JuteReader in(reply.body);
  std::vector<MultiResult> results;
  for (;;) {
    MultiHeader header;
    header.read(in);
    if (!in.ok() || header.done) break;
    MultiResult result;
    switch (static_cast<OpCode>(header.type)) {
      case OpCode::kError: result.error = static_cast<ErrorCode>(in.read_int()); break;
      case OpCode::kCreate: result.path = owned(in.read_string()); break;
      case OpCode::kCreate2:
        result.path = owned(in.read_string());
        result.stat.read(in);
        break;
      case OpCode::kSetData: result.stat.read(in); break;
      case OpCode::kDelete:
      case OpCode::kCheck: break;
      default: in.fail();
    }
    results.push_back(std::move(result));
  }
  return checked(in, std::move(results));
}

}  // namespace topod::client
