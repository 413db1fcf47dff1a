// A hash index whose chains run through the indexed slots themselves: 4 bytes per slot here and 4
// there. It grows by one bucket per insertion (linear hashing, Litwin 1980), so that a tree of
// millions of znodes never pauses to rehash. Pure; one thread.
//
// `Chain` tells how a slot takes part: hash_of(slot), and next_of(slot), a reference to its link.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace topod::state {

template <class Chain>
class SlotIndex {
 public:
  static constexpr uint32_t kEnd = 0xffffffffU;

  explicit SlotIndex(Chain chain) : chain_(chain) { append_bucket(); }

  // The first slot of this hash that `is_it` accepts, or kEnd.
  template <class Predicate>
  [[nodiscard]] uint32_t find(uint32_t hash, Predicate is_it) const {
    for (uint32_t slot = bucket(bucket_of(hash)); slot != kEnd; slot = chain_.next_of(slot)) {
      if (chain_.hash_of(slot) == hash && is_it(slot)) return slot;
    }
    return kEnd;
  }

  void insert(uint32_t slot) {
    push(bucket_of(chain_.hash_of(slot)), slot);
    if (++size_ > bucket_count_) split();
  }

  void remove(uint32_t slot) {
    uint32_t* link = &bucket(bucket_of(chain_.hash_of(slot)));
    while (*link != slot) link = &chain_.next_of(*link);
    *link = chain_.next_of(slot);
    --size_;
  }

 private:
  static constexpr uint32_t kPageBits = 10;
  static constexpr uint32_t kPageBuckets = 1u << kPageBits;
  using Page = std::array<uint32_t, kPageBuckets>;

  [[nodiscard]] uint32_t bucket_of(uint32_t hash) const {
    const uint32_t wide = hash & mask_;
    return wide < bucket_count_ ? wide : hash & (mask_ >> 1);
  }
  [[nodiscard]] uint32_t& bucket(uint32_t index) const {
    return (*pages_[index >> kPageBits])[index & (kPageBuckets - 1)];
  }
  void push(uint32_t index, uint32_t slot) {
    chain_.next_of(slot) = bucket(index);
    bucket(index) = slot;
  }

  void append_bucket() {
    if ((bucket_count_ & (kPageBuckets - 1)) == 0) pages_.push_back(std::make_unique<Page>());
    bucket(bucket_count_) = kEnd;
    ++bucket_count_;
  }

  // Adds one bucket, and shares out to it what the bucket of half its number held.
  void split() {
    append_bucket();
    const uint32_t added = bucket_count_ - 1;
    if (added > mask_) mask_ = mask_ << 1 | 1;
    const uint32_t source = added & (mask_ >> 1);
    uint32_t slot = bucket(source);
    bucket(source) = kEnd;
    while (slot != kEnd) {
      const uint32_t next = chain_.next_of(slot);
      push(bucket_of(chain_.hash_of(slot)), slot);
      slot = next;
    }
  }

  Chain chain_;
  std::vector<std::unique_ptr<Page>> pages_;
  uint32_t bucket_count_ = 0;
  uint32_t mask_ = 0;  // of the widest bucket number in use
  uint32_t size_ = 0;
};

}  // namespace topod::state
