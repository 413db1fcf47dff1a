#include "server/state/acl.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <tuple>

#include "proto/check.h"
#include "proto/jute.h"

namespace topod::state {

namespace {

constexpr std::string_view kAnyone = "anyone";
constexpr size_t kStoredEntryBytesMin = 12;

struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  size_t size = 0;  // 4 or 16
};

std::optional<IpAddress> parse_ip(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated) return std::nullopt;
  *std::copy(text.begin(), text.end(), terminated) = '\0';
  if (std::string_view(terminated) != text) return std::nullopt;  // a NUL inside
  IpAddress address;
  if (inet_pton(AF_INET, terminated, address.bytes.data()) == 1) {
    address.size = 4;
    return address;
  }
  if (inet_pton(AF_INET6, terminated, address.bytes.data()) == 1) {
    address.size = 16;
    return address;
  }
  return std::nullopt;
}

struct IpRange {
  IpAddress base;
  size_t bits = 0;
};

// "address" or "address/bits".
std::optional<IpRange> parse_ip_range(std::string_view text) {
  const size_t slash = text.find('/');
  const auto base = parse_ip(text.substr(0, slash));
  if (!base) return std::nullopt;
  IpRange range{*base, base->size * 8};
  if (slash == std::string_view::npos) return range;
  const std::string_view digits = text.substr(slash + 1);
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, range.bits);
  if (error != std::errc{} || rest != end || range.bits > base->size * 8) return std::nullopt;
  return range;
}

bool ip_matches(std::string_view caller, std::string_view range_text) {
  const auto address = parse_ip(caller);
  const auto range = parse_ip_range(range_text);
  if (!address || !range || address->size != range->base.size) return false;
  const size_t whole = range->bits / 8;
  if (!std::equal(address->bytes.begin(), address->bytes.begin() + static_cast<ptrdiff_t>(whole),
                  range->base.bytes.begin())) {
    return false;
  }
  const size_t rest = range->bits % 8;
  if (rest == 0) return true;
  const auto differing = static_cast<uint8_t>(address->bytes[whole] ^ range->base.bytes[whole]);
  return differing >> (8 - rest) == 0;
}

bool matches(const StoredAclEntry& entry, const AuthId& id) {
  if (entry.scheme != id.scheme) return false;
  return entry.scheme == kSchemeIp ? ip_matches(id.id, entry.id) : entry.id == id.id;
}

// user:hash
bool is_digest_id(std::string_view id) {
  const size_t colon = id.find(':');
  return colon != std::string_view::npos && colon + 1 < id.size() &&
         id.find(':', colon + 1) == std::string_view::npos;
}

bool is_valid_id(std::string_view scheme, NullableBytes id) {
  if (!id) return false;
  if (scheme == kSchemeWorld) return *id == kAnyone;
  if (scheme == kSchemeIp) return parse_ip_range(*id).has_value();
  if (scheme == kSchemeDigest) return is_digest_id(*id);
  if (scheme == kSchemeX509 || scheme == kSchemeSasl) return !id->empty();
  return false;
}

// Whether an id says who the caller is, rather than where it is or what it may do.
bool authenticates(const AuthId& id) { return id.scheme != kSchemeIp && id.scheme != kSchemeSuper; }

size_t stored_bytes(const StoredAclEntry& entry) {
  return kStoredEntryBytesMin + entry.scheme.size() + entry.id.size();
}

}  // namespace

Acl world_acl(int32_t perms) { return {{perms, std::string(kSchemeWorld), std::string(kAnyone)}}; }

bool permits_anyone(const Acl& acl, int32_t wanted) {
  if (acl.empty()) return true;
  return std::any_of(acl.begin(), acl.end(), [&](const StoredAclEntry& entry) {
    return (entry.perms & wanted) != 0 && entry.scheme == kSchemeWorld;
  });
}

bool permits(const Acl& acl, int32_t wanted, std::span<const AuthId> ids) {
  if (permits_anyone(acl, wanted)) return true;
  for (const AuthId& id : ids) {
    if (id.scheme == kSchemeSuper) return true;
    for (const StoredAclEntry& entry : acl) {
      if ((entry.perms & wanted) != 0 && matches(entry, id)) return true;
    }
  }
  return false;
}

tl::expected<Acl, ErrorCode> normalise_acl(std::span<const AclEntry> requested,
                                           std::span<const AuthId> ids) {
  const auto invalid = tl::make_unexpected(ErrorCode::kInvalidAcl);
  Acl acl;
  acl.reserve(requested.size());
  size_t bytes = 0;
  const auto append = [&](int32_t perms, std::string_view scheme, std::string_view id) {
    bytes +=
        stored_bytes(acl.emplace_back(StoredAclEntry{perms, std::string(scheme), std::string(id)}));
  };
  std::set<std::tuple<int32_t, std::string_view, NullableBytes>> seen;
  for (const AclEntry& entry : requested) {
    if (!entry.scheme) return invalid;
    if (requested.size() > 1 && !seen.emplace(entry.perms, *entry.scheme, entry.id).second) {
      continue;
    }
    if (*entry.scheme == kSchemeAuth) {
      const size_t before = acl.size();
      for (const AuthId& id : ids) {
        if (authenticates(id)) append(entry.perms, id.scheme, id.id);
      }
      if (acl.size() == before) return invalid;
    } else {
      if (!is_valid_id(*entry.scheme, entry.id)) return invalid;
      append(entry.perms, *entry.scheme, *entry.id);
    }
    if (bytes > kAclBytesMax) return invalid;
  }
  if (acl.empty()) return invalid;
  return acl;
}

std::string masked_id(const StoredAclEntry& entry) {
  if (entry.scheme != kSchemeDigest) return entry.id;
  return entry.id.substr(0, entry.id.find(':')) + ":x";
}

std::string serialize_acl(const Acl& acl) {
  std::string bytes;
  JuteWriter out(bytes);
  out.write_count(acl.size());
  for (const StoredAclEntry& entry : acl) {
    out.write_int(entry.perms);
    out.write_string(entry.scheme);
    out.write_string(entry.id);
  }
  return bytes;
}

tl::expected<Acl, ErrorCode> parse_acl(std::string_view bytes) {
  JuteReader in(bytes);
  Acl acl;
  const uint32_t count = in.read_count(kStoredEntryBytesMin).value_or(0);
  acl.reserve(count);
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    StoredAclEntry& entry = acl.emplace_back();
    entry.perms = in.read_int();
    entry.scheme = in.read_string().value_or(std::string_view{});
    entry.id = in.read_string().value_or(std::string_view{});
  }
  if (!in.ok() || in.remaining() != 0) return tl::make_unexpected(ErrorCode::kMarshallingError);
  return acl;
}

AclId AclTable::acquire(const Acl& acl, bool& added) {
  auto content = serialize_acl(acl);
  const auto found = by_content_.find(content);
  if (found != by_content_.end()) {
    added = false;
    ++lists_.at(found->second).references;
    return AclId(found->second);
  }
  added = true;
  ++counter_;
  lists_.emplace_hint(lists_.end(), counter_, Row{acl, 1});
  by_content_.emplace(std::move(content), counter_);
  return AclId(counter_);
}

void AclTable::acquire(AclId id) { ++lists_.at(id.value()).references; }

void AclTable::release(AclId id) {
  Row& row = lists_.at(id.value());
  CHECK(row.references > 0);
  if (--row.references == 0) unreferenced_.push_back(id.value());
}

const Acl& AclTable::get(AclId id) const {
  const Acl* const acl = find(id);
  CHECK(acl != nullptr);
  return *acl;
}

const Acl* AclTable::find(AclId id) const {
  const auto found = lists_.find(id.value());
  return found == lists_.end() ? nullptr : &found->second.acl;
}

std::vector<std::pair<AclId, Acl>> AclTable::purge_unreferenced() {
  std::vector<std::pair<AclId, Acl>> purged;
  if (unreferenced_.empty()) return purged;
  std::sort(unreferenced_.begin(), unreferenced_.end());
  for (const uint32_t id : unreferenced_) {
    const auto found = lists_.find(id);
    if (found == lists_.end() || found->second.references > 0) continue;
    purged.emplace_back(AclId(id), found->second.acl);
    erase(found);
  }
  unreferenced_.clear();
  return purged;
}

std::vector<AclId> AclTable::added_since(uint32_t counter) const {
  std::vector<AclId> added;
  for (auto it = lists_.upper_bound(counter); it != lists_.end(); ++it) {
    added.push_back(AclId(it->first));
  }
  return added;
}

void AclTable::roll_back(uint32_t counter) {
  for (auto it = lists_.upper_bound(counter); it != lists_.end();) {
    CHECK(it->second.references == 0);
    it = erase(it);
  }
  unreferenced_.clear();
  counter_ = counter;
}

std::map<uint32_t, AclTable::Row>::iterator AclTable::erase(std::map<uint32_t, Row>::iterator row) {
  by_content_.erase(serialize_acl(row->second.acl));
  return lists_.erase(row);
}

bool AclTable::restore(AclId id, Acl acl) {
  auto content = serialize_acl(acl);
  if (id.value() == 0 || !by_content_.emplace(std::move(content), id.value()).second) return false;
  if (!lists_.emplace(id.value(), Row{std::move(acl), 0}).second) return false;
  unreferenced_.push_back(id.value());
  return true;
}

}  // namespace topod::state
