// Puts rows into a write transaction: seals them with their hashes, cuts long ones into chunks,
// and keeps the totals (tree_schema.h) that the loader will compare. One thread, for the life of
// one transaction; nothing counts before the caller commits it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/checkpoint.h"
#include "storage/lmdb.h"
#include "storage/tree_schema.h"

namespace topod::storage {

using TableHandles = std::array<MDB_dbi, kTableCount>;

[[nodiscard]] lmdb::Result<TableHandles> open_tables(lmdb::Transaction& transaction, bool create);

class RowWriter {
 public:
  // `totals`: those of the transaction's beginning.
  RowWriter(lmdb::Transaction& transaction, const TableHandles& tables, const Totals& totals)
      : transaction_(transaction), tables_(tables), totals_(totals) {}

  lmdb::Result<void> write(const Checkpoint& checkpoint);
  // After all else: the checkpoint and the totals.
  lmdb::Result<void> finish(const CheckpointMeta& meta);
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  lmdb::Result<void> write_node(NodeId id, const Checkpoint::Image& image);
  lmdb::Result<void> write_acl(AclId id, const Checkpoint::Image& image);
  lmdb::Result<void> write_fixed(Table table, const RowKey& key, const Checkpoint::Image& image);
  lmdb::Result<void> put(Table table, std::string_view key, std::string_view header,
                         std::string_view content);
  // `before`: the existing row.
  lmdb::Result<void> replace(Table table, std::string_view key, std::string_view header,
                             std::string_view content, std::string_view before);
  lmdb::Result<void> erase(Table table, std::string_view key);
  // The row as it is, empty if there is none. A damaged one is an error (MDB_CORRUPTED): with its
  // replacement the evidence would be gone and the totals wrong.
  lmdb::Result<std::string_view> existing(Table table, std::string_view key);
  lmdb::Result<void> find_last_keys();
  [[nodiscard]] MDB_dbi handle(Table table) const { return tables_[static_cast<size_t>(table)]; }

  lmdb::Transaction& transaction_;
  const TableHandles& tables_;
  Totals totals_;
  // Greatest keys ever seen per table: what lies beyond is new and goes to the right edge.
  std::array<std::string, kCountedTables> last_keys_;
};

}  // namespace topod::storage
