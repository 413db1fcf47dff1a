#include "proto/records.h"

namespace topod {

namespace {
// perms + two lengths.
constexpr size_t kAclEntryBytesMin = 12;
constexpr size_t kStringBytesMin = 4;
}  // namespace

void ConnectRequest::read(JuteReader& in) {
  protocol_version = in.read_int();
  last_zxid_seen = in.read_long();
  timeout_ms = in.read_int();
  session = in.read_long();
  password = in.read_buffer();
  has_read_only = in.ok() && in.remaining() > 0;
  read_only = has_read_only && in.read_bool();
}

void ConnectRequest::write(JuteWriter& out) const {
  out.write_int(protocol_version);
  out.write_long(last_zxid_seen);
  out.write_int(timeout_ms);
  out.write_long(session);
  out.write_buffer(password);
  if (has_read_only) out.write_bool(read_only);
}

void ConnectResponse::read(JuteReader& in) {
  protocol_version = in.read_int();
  timeout_ms = in.read_int();
  session = in.read_long();
  password = in.read_buffer().value_or(std::string_view{});
  has_read_only = in.ok() && in.remaining() > 0;
  read_only = has_read_only && in.read_bool();
}

void ConnectResponse::write(JuteWriter& out) const {
  out.write_int(protocol_version);
  out.write_int(timeout_ms);
  out.write_long(session);
  out.write_buffer(password);
  if (has_read_only) out.write_bool(read_only);
}

void RequestHeader::read(JuteReader& in) {
  xid = in.read_int();
  op = in.read_int();
}

void RequestHeader::write(JuteWriter& out) const {
  out.write_int(xid);
  out.write_int(op);
}

void ReplyHeader::read(JuteReader& in) {
  xid = in.read_int();
  zxid = in.read_long();
  error = static_cast<ErrorCode>(in.read_int());
}

void ReplyHeader::write(JuteWriter& out) const {
  out.write_int(xid);
  out.write_long(zxid);
  out.write_int(static_cast<int32_t>(error));
}

void Stat::read(JuteReader& in) {
  czxid = in.read_long();
  mzxid = in.read_long();
  ctime_ms = in.read_long();
  mtime_ms = in.read_long();
  version = in.read_int();
  cversion = in.read_int();
  aversion = in.read_int();
  ephemeral_owner = in.read_long();
  data_length = in.read_int();
  num_children = in.read_int();
  pzxid = in.read_long();
}

void Stat::write(JuteWriter& out) const {
  out.write_long(czxid);
  out.write_long(mzxid);
  out.write_long(ctime_ms);
  out.write_long(mtime_ms);
  out.write_int(version);
  out.write_int(cversion);
  out.write_int(aversion);
  out.write_long(ephemeral_owner);
  out.write_int(data_length);
  out.write_int(num_children);
  out.write_long(pzxid);
}

void AclEntry::read(JuteReader& in) {
  perms = in.read_int();
  scheme = in.read_string();
  id = in.read_string();
}

void AclEntry::write(JuteWriter& out) const {
  out.write_int(perms);
  out.write_string(scheme);
  out.write_string(id);
}

void CreateRequest::read(JuteReader& in, bool has_ttl) {
  path = in.read_string();
  data = in.read_buffer();
  read_acl(in, acl);
  flags = in.read_int();
  ttl_ms = has_ttl ? in.read_long() : -1;
}

void CreateRequest::write(JuteWriter& out, bool has_ttl) const {
  out.write_string(path);
  out.write_buffer(data);
  write_acl(out, acl);
  out.write_int(flags);
  if (has_ttl) out.write_long(ttl_ms);
}

void PathVersionRequest::read(JuteReader& in) {
  path = in.read_string();
  version = in.read_int();
}

void PathVersionRequest::write(JuteWriter& out) const {
  out.write_string(path);
  out.write_int(version);
}

void SetDataRequest::read(JuteReader& in) {
  path = in.read_string();
  data = in.read_buffer();
  version = in.read_int();
}

void SetDataRequest::write(JuteWriter& out) const {
  out.write_string(path);
  out.write_buffer(data);
  out.write_int(version);
}

void SetAclRequest::read(JuteReader& in) {
  path = in.read_string();
  read_acl(in, acl);
  version = in.read_int();
}

void SetAclRequest::write(JuteWriter& out) const {
  out.write_string(path);
  write_acl(out, acl);
  out.write_int(version);
}

void PathWatchRequest::read(JuteReader& in) {
  path = in.read_string();
  watch = in.read_bool();
}

void PathWatchRequest::write(JuteWriter& out) const {
  out.write_string(path);
  out.write_bool(watch);
}

void PathRequest::read(JuteReader& in) { path = in.read_string(); }

void PathRequest::write(JuteWriter& out) const { out.write_string(path); }

void PathModeRequest::read(JuteReader& in) {
  path = in.read_string();
  mode = in.read_int();
}

void PathModeRequest::write(JuteWriter& out) const {
  out.write_string(path);
  out.write_int(mode);
}

void SetWatchesRequest::read(JuteReader& in, bool has_persistent) {
  relative_zxid = in.read_long();
  read_strings(in, data);
  read_strings(in, exist);
  read_strings(in, child);
  persistent.clear();
  persistent_recursive.clear();
  if (has_persistent) {
    read_strings(in, persistent);
    read_strings(in, persistent_recursive);
  }
}

void SetWatchesRequest::write(JuteWriter& out, bool has_persistent) const {
  out.write_long(relative_zxid);
  write_strings(out, data);
  write_strings(out, exist);
  write_strings(out, child);
  if (has_persistent) {
    write_strings(out, persistent);
    write_strings(out, persistent_recursive);
  }
}

void AuthRequest::read(JuteReader& in) {
  type = in.read_int();
  scheme = in.read_string();
  auth = in.read_buffer();
}

void AuthRequest::write(JuteWriter& out) const {
  out.write_int(type);
  out.write_string(scheme);
  out.write_buffer(auth);
}

void MultiHeader::read(JuteReader& in) {
  type = in.read_int();
  done = in.read_bool();
  error = in.read_int();
}

void MultiHeader::write(JuteWriter& out) const {
  out.write_int(type);
  out.write_bool(done);
  out.write_int(error);
}

void WatchEvent::read(JuteReader& in) {
  type = static_cast<EventType>(in.read_int());
  state = in.read_int();
  path = in.read_string();
}

void WatchEvent::write(JuteWriter& out) const {
  out.write_int(static_cast<int32_t>(type));
  out.write_int(state);
  out.write_string(path);
}

void read_acl(JuteReader& in, std::vector<AclEntry>& acl) {
  acl.clear();
  const uint32_t count = in.read_count(kAclEntryBytesMin).value_or(0);
  acl.reserve(count);
  for (uint32_t i = 0; i < count && in.ok(); ++i) acl.emplace_back().read(in);
}

void write_acl(JuteWriter& out, const std::vector<AclEntry>& acl) {
  out.write_count(acl.size());
  for (const AclEntry& entry : acl) entry.write(out);
}

void read_strings(JuteReader& in, std::vector<std::string_view>& strings) {
  strings.clear();
  const uint32_t count = in.read_count(kStringBytesMin).value_or(0);
  strings.reserve(count);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    strings.push_back(in.read_string().value_or(std::string_view{}));
  }
}

void write_strings(JuteWriter& out, const std::vector<std::string_view>& strings) {
  out.write_count(strings.size());
  for (const std::string_view string : strings) out.write_string(string);
}

}  // namespace topod
