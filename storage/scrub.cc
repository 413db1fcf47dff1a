#include "storage/scrub.h"

#include <algorithm>

namespace topod::storage {

Expected<uint64_t> Scrubber::step(uint64_t rows_max) {
  const Expected<Snapshot> snapshot = store_.snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  uint64_t rows = 0;
  // At most one round, however few rows there are.
  for (size_t tables = 0; tables < kTableCount && rows < rows_max; ++tables) {
    const auto table = static_cast<Table>(table_);
    bool intact = true;
    const Expected<bool> at_end =
        snapshot->scan(table, position_, [&](std::string_view key, std::string_view value) {
          if (rows == rows_max || !intact) return false;
          ++rows;
          // Behind a damaged row the next step goes on.
          position_.assign(key);
          intact = row_is_intact(table, key, value);
          return true;
        });
    if (!intact) {
      return storage_error(StorageError::Kind::kDamaged,
                           store_.dir() + ": table " + name_of(table) + ", row " +
                               hex_of(position_) + ": its hash is wrong");
    }
    if (!at_end) return tl::unexpected(at_end.error());
    if (!*at_end) break;
    position_.clear();
    table_ = (table_ + 1) % kTableCount;
    if (table_ == 0) ++rounds_;
  }
  return rows;
}

uint64_t Scrubber::rows_per_slice(int64_t slice_ms, int64_t period_ms) const {
  if (period_ms == 0) return 0;
  uint64_t rows = 2;  // of `meta`
  for (const uint64_t of_table : store_.totals().rows) rows += of_table;
  const double share = static_cast<double>(slice_ms) / static_cast<double>(period_ms);
  return static_cast<uint64_t>(static_cast<double>(rows) * share) + 1;
}

}  // namespace topod::storage
