// Walks through the pages of an LMDB file without LMDB. LMDB's pages carry no checksum, and LMDB
// believes them: a flipped bit in a page number or an offset makes it crash, read an old page, or
// later write over a live one. Row hashes see none of that, so this comes first; what it passes,
// LMDB reads safely.
//
// Found are: meta pages that do not fit each other; pages that are referred to twice, or both in
// use and free, or beyond the end; offsets out of a page, nodes that overlap; keys out of order
// or outside of what their parent says; counts that are wrong; overflow pages outside of the free
// list, flags of features that we do not use. Not found: changes of keys and values that keep the
// order, for which there are the row hashes, and changes of unused space, which do no harm.
//
// The format is that of LMDB 0.9 (MDB_DATA_VERSION 1) on a 64-bit little-endian machine:
//
//   page   0 page number u64   8 pad u16   10 flags u16   12 lower u16   14 upper u16
//          16 offsets of the nodes, u16 each, up to `lower`; the nodes fill `upper` to the end
//          (overflow: 12 number of pages u32, then data)
//   meta   a page with, at 16: magic u32, version u32, address u64, map size u64,
//          free list's tree, main tree, last page u64, transaction id u64
//   tree   0 pad u32   4 flags u16   6 depth u16   8 branch pages u64   16 leaf pages u64
//          24 overflow pages u64   32 entries u64   40 root u64
//   node   0 low u16   2 high u16   4 flags u16   6 key bytes u16   8 key, then data
//          leaf: low and high are the length of the data
//          branch: low, high and flags are the child's page number; the first key is not used
//
// One thread; memory for one page per level and one bit per page.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/file.h"
#include "storage/storage_error.h"

namespace topod::storage {

struct PageCounts {
  uint64_t pages = 0;  // of the file that LMDB has ever used
  uint64_t used = 0;   // metas and trees
  uint64_t free = 0;
};

// kDamaged: what and where. Nobody may write to the file meanwhile.
[[nodiscard]] Expected<PageCounts> check_pages(FileSystem& files, const std::string& path);
// `path` is named in errors.
[[nodiscard]] Expected<PageCounts> check_pages(std::unique_ptr<File> file, const std::string& path);

}  // namespace topod::storage
