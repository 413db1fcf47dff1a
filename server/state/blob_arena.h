// Memory for the names and data of znodes. A blob lives as long as its znode, often for months,
// while a server's other allocations come and go within a request; mixed on one heap, the blobs
// would pin the holes which those leave. So blobs have pages of their own, each cut into places
// of one size, without a header per blob.
//
// Sizes are rounded up to 8 bytes; blobs above kSmallBytes, of which the rounding and the headers
// of malloc are a small part, come from malloc. A page that has become empty is given back, but
// for the last one of its size with room, so that a znode created and deleted in turn costs no
// page each time.
//
// Pure; one thread. Blobs never move. Out of memory ends the process.
#pragma once

#include <array>
#include <cstddef>

namespace topod::state {

class BlobArena {
 public:
  BlobArena() = default;
  BlobArena(const BlobArena&) = delete;
  BlobArena& operator=(const BlobArena&) = delete;
  // All blobs must have been released.
  ~BlobArena();

  // Uninitialized, without alignment beyond 8 bytes.
  [[nodiscard]] char* allocate(size_t bytes);
  // `bytes`: as it was allocated.
  void release(char* blob, size_t bytes);

 private:
  struct Page;
  struct FreePlace;

  static constexpr size_t kGranuleBytes = 8;
  static constexpr size_t kSmallBytes = 1'024;
  static constexpr size_t kClasses = kSmallBytes / kGranuleBytes + 1;

  static Page* page_of(char* blob);
  static Page* new_page(size_t place_bytes);
  void link(Page* page);
  void unlink(Page* page);
  [[nodiscard]] static size_t class_of(size_t bytes) {
    return (bytes + kGranuleBytes - 1) / kGranuleBytes;
  }

  // Of each size the pages with room, in no order.
  std::array<Page*, kClasses> with_room_{};
};

}  // namespace topod::state
