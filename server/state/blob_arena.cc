#include "server/state/blob_arena.h"

#include <cstdint>
#include <cstdlib>
#include <new>

#include "proto/check.h"

namespace topod::state {

namespace {

// Pages begin at multiples of this, so that the address of a blob tells its page. Twice as much is
// still below what malloc maps on its own, where the alignment would cost a page's worth each.
constexpr size_t kPageBytes = size_t{32} * 1024;
// Left to malloc's header: the next page can begin where this one ends.
constexpr size_t kUsableBytes = kPageBytes - 64;

}  // namespace

struct BlobArena::FreePlace {
  FreePlace* next;
};

// The beginning of a page; places follow.
struct BlobArena::Page {
  Page* next;  // with room, of the same size
  Page* previous;
  FreePlace* free;  // places that were released
  uint32_t place_bytes;
  uint32_t fresh_offset;  // the first byte never used
  uint32_t live;

  [[nodiscard]] bool has_room() const {
    return free != nullptr || fresh_offset + place_bytes <= kUsableBytes;
  }
  char* take() {
    ++live;
    if (free != nullptr) {
      FreePlace* const place = free;
      free = place->next;
      return reinterpret_cast<char*>(place);
    }
    char* const place = reinterpret_cast<char*>(this) + fresh_offset;
    fresh_offset += place_bytes;
    return place;
  }
  void give_back(char* place) {
    free = new (place) FreePlace{free};
    --live;
  }
};

BlobArena::~BlobArena() {
  for (Page* page : with_room_) {
    if (page == nullptr) continue;
    CHECK(page->live == 0 && page->next == nullptr);
    std::free(page);
  }
}

char* BlobArena::allocate(size_t bytes) {
  CHECK(bytes > 0);
  if (bytes > kSmallBytes) {
    auto* const blob = static_cast<char*>(std::malloc(bytes));
    CHECK_MSG(blob != nullptr, "out of memory");
    return blob;
  }
  const size_t size_class = class_of(bytes);
  if (with_room_[size_class] == nullptr) link(new_page(size_class * kGranuleBytes));
  Page* const page = with_room_[size_class];
  char* const blob = page->take();
  if (!page->has_room()) unlink(page);
  return blob;
}

void BlobArena::release(char* blob, size_t bytes) {
  if (bytes > kSmallBytes) {
    std::free(blob);
    return;
  }
  Page* const page = page_of(blob);
  CHECK(page->place_bytes == class_of(bytes) * kGranuleBytes);
  const bool was_full = !page->has_room();
  page->give_back(blob);
  if (was_full) link(page);
  const bool is_only = page->next == nullptr && page->previous == nullptr;
  if (page->live == 0 && !is_only) {
    unlink(page);
    std::free(page);
  }
}

BlobArena::Page* BlobArena::page_of(char* blob) {
  const auto offset = reinterpret_cast<uintptr_t>(blob) % kPageBytes;
  return reinterpret_cast<Page*>(blob - offset);
}

BlobArena::Page* BlobArena::new_page(size_t place_bytes) {
  void* memory = nullptr;
  CHECK_MSG(posix_memalign(&memory, kPageBytes, kUsableBytes) == 0, "out of memory");
  static_assert(sizeof(Page) % kGranuleBytes == 0);
  return new (memory)
      Page{nullptr, nullptr, nullptr, static_cast<uint32_t>(place_bytes), sizeof(Page), 0};
}

void BlobArena::link(Page* page) {
  Page*& first = with_room_[page->place_bytes / kGranuleBytes];
  page->previous = nullptr;
  page->next = first;
  if (first != nullptr) first->previous = page;
  first = page;
}

void BlobArena::unlink(Page* page) {
  if (page->previous == nullptr) {
    with_room_[page->place_bytes / kGranuleBytes] = page->next;
  } else {
    page->previous->next = page->next;
  }
  if (page->next != nullptr) page->next->previous = page->previous;
  page->next = page->previous = nullptr;
}

}  // namespace topod::state
