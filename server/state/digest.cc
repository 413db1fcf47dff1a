#include "server/state/digest.h"

#include <xxhash.h>

#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "proto/check.h"
#include "server/state/sessions.h"

namespace topod::state {

// Records are hashed as they lie in memory.
static_assert(std::endian::native == std::endian::little);

namespace {

// Seeds keep items of different kinds apart, even if their records have the same bytes.
enum Seed : XXH64_hash_t { kFieldsSeed = 1, kAclSeed = 2, kSessionSeed = 3, kMarkSeed = 4 };
// Content is seeded with its znode's id, which takes all but this bit.
constexpr XXH64_hash_t kContentSeed = XXH64_hash_t{1} << 63;

Digest hash(const void* bytes, size_t size, XXH64_hash_t seed) {
  const XXH128_hash_t value = XXH3_128bits_withSeed(bytes, size, seed);
  return {value.low64, value.high64};
}

// A record of 64-bit numbers and secrets, without padding.
template <size_t Numbers>
class Record {
 public:
  template <class Number>
  void put(Number number) {
    CHECK(count_ < Numbers);
    numbers_[count_++] = static_cast<uint64_t>(number);
  }
  void put(const Secret& secret) {
    std::array<uint64_t, 2> halves;
    static_assert(sizeof halves == sizeof secret);
    std::memcpy(halves.data(), secret.data(), sizeof halves);
    put(halves[0]);
    put(halves[1]);
  }
  [[nodiscard]] Digest digest(Seed seed) const {
    CHECK(count_ == Numbers);
    return hash(numbers_.data(), sizeof numbers_, seed);
  }

 private:
  std::array<uint64_t, Numbers> numbers_;
  size_t count_ = 0;
};

}  // namespace

void Digest::add(const Digest& item) {
  low_ += item.low_;
  high_ += item.high_ + (low_ < item.low_ ? 1 : 0);
}

void Digest::subtract(const Digest& item) {
  high_ -= item.high_ + (low_ < item.low_ ? 1 : 0);
  low_ -= item.low_;
}

Digest digest_of_fields(const Tree& tree, NodeSlot slot) {
  const NodeFields& fields = tree.fields(slot);
  const NodeSlot parent = tree.parent(slot);
  Record<13> record;
  record.put(fields.id.value());
  record.put(parent == kNoNode ? 0 : tree.fields(parent).id.value());
  record.put(fields.czxid.value());
  record.put(fields.mzxid.value());
  record.put(fields.pzxid.value());
  record.put(fields.ctime_ms);
  record.put(fields.mtime_ms);
  record.put(fields.version);
  record.put(fields.aversion);
  record.put(fields.children_created);
  record.put(fields.owner_or_ttl_ms);
  record.put(fields.acl.value());
  record.put(fields.kind);
  return record.digest(kFieldsSeed);
}

Digest digest_of_content(const Tree& tree, NodeSlot slot) {
  const std::string_view content = tree.content(slot);
  return hash(content.data(), content.size(), kContentSeed | tree.fields(slot).id.value());
}

Digest digest_of_node(const Tree& tree, NodeSlot slot) {
  Digest digest = digest_of_fields(tree, slot);
  digest.add(digest_of_content(tree, slot));
  return digest;
}

Digest digest_of_acl(AclId id, const Acl& acl) {
  std::string record = serialize_acl(acl);
  const uint32_t number = id.value();
  record.append(reinterpret_cast<const char*>(&number), sizeof number);
  return hash(record.data(), record.size(), kAclSeed);
}

Digest digest_of_session(const Session& session) {
  Record<7> record;
  record.put(session.id.value());
  record.put(session.timeout_ms);
  record.put(session.secret);
  record.put(session.attachment.server.value());
  record.put(session.attachment.incarnation.value());
  record.put(session.attachment.connection.value());
  return record.digest(kSessionSeed);
}

Digest digest_of_member(const Member& member) {
  Record<5> record;
  record.put(member.server.value());
  record.put(member.incarnation.value());
  record.put(member.last_number);
  record.put(member.instance);
  return record.digest(kMarkSeed);
}

}  // namespace topod::state
