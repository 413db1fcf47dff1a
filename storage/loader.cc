#include "storage/loader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "storage/lmdb.h"
#include "storage/lmdb_pages.h"
#include "storage/row_writer.h"
#include "storage/store.h"

namespace topod::storage {

namespace {

// One pass over all tables of one read transaction.
class Scan {
 public:
  Scan(const lmdb::Transaction& transaction, const TableHandles& tables, std::string where,
       LoadVisitor& visitor)
      : transaction_(transaction), tables_(tables), where_(std::move(where)), visitor_(visitor) {}

  Expected<Loaded> run();
  Expected<CheckpointMeta> read_checkpoint() {
    if (auto read = read_meta(); !read) return tl::unexpected(read.error());
    return loaded_.meta;
  }

 private:
  // Rows of one table, hash-checked and counted.
  class Rows {
   public:
    Rows(Scan& scan, Table table, lmdb::Cursor cursor)
        : scan_(scan), table_(table), cursor_(std::move(cursor)) {}
    Expected<std::optional<lmdb::Row>> next();

   private:
    Scan& scan_;
    Table table_;
    lmdb::Cursor cursor_;
    std::string last_key_;
  };

  Expected<Rows> rows_of(Table table);
  Expected<std::string_view> meta_row(std::string_view key);
  Expected<void> read_meta();
  Expected<void> read_acls();
  Expected<void> read_nodes();
  Expected<void> read_sessions();
  Expected<void> read_members();
  // Of a table whose rows each stand for one item.
  template <class Row>
  using Decoder = Decoded<Row> (*)(std::string_view key, std::string_view value);
  template <class Row>
  using Visit = bool (LoadVisitor::*)(const Row& row, std::string& why);
  template <class Row>
  Expected<void> read_rows(Table table, Decoder<Row> decode, Visit<Row> visit, uint64_t& count);
  Expected<void> gather_content(const NodeHeader& header, Rows& chunks, std::string& content);
  Expected<void> compare_totals();
  [[nodiscard]] tl::unexpected<StorageError> damage(Table table, std::string_view key,
                                                    const std::string& what) const {
    return storage_error(StorageError::Kind::kDamaged, where_ + ": table " + name_of(table) +
                                                           ", row " + hex_of(key) + ": " + what);
  }
  [[nodiscard]] tl::unexpected<StorageError> damage(const std::string& what) const {
    return storage_error(StorageError::Kind::kDamaged, where_ + ": " + what);
  }

  const lmdb::Transaction& transaction_;
  const TableHandles& tables_;
  const std::string where_;
  LoadVisitor& visitor_;
  Loaded loaded_;
  Totals found_;
};

Expected<std::optional<lmdb::Row>> Scan::Rows::next() {
  const auto row = cursor_.next();
  if (!row) return lmdb::storage_error(row.error(), scan_.where_);
  if (!row->has_value()) return std::optional<lmdb::Row>();
  const lmdb::Row& found = **row;
  if (!row_is_intact(table_, found.key, found.value)) {
    return scan_.damage(table_, found.key, "its hash is wrong");
  }
  // Also what ends a scan that a damaged page sends in circles.
  if (!last_key_.empty() && found.key <= std::string_view(last_key_)) {
    return scan_.damage(table_, found.key, "it is out of order");
  }
  last_key_.assign(found.key);
  scan_.found_.hash_sum += stored_hash(found.value);
  ++scan_.found_.rows[static_cast<size_t>(table_)];
  scan_.loaded_.bytes += found.key.size() + found.value.size();
  return *row;
}

Expected<Scan::Rows> Scan::rows_of(Table table) {
  auto cursor = lmdb::Cursor::open(transaction_, tables_[static_cast<size_t>(table)]);
  if (!cursor) return lmdb::storage_error(cursor.error(), where_);
  return Rows(*this, table, std::move(*cursor));
}

Expected<std::string_view> Scan::meta_row(std::string_view key) {
  const auto row = transaction_.get(tables_[static_cast<size_t>(Table::kMeta)], key);
  if (!row) return lmdb::storage_error(row.error(), where_);
  if (!row->has_value()) return damage("table meta has no row \"" + std::string(key) + "\"");
  if (!row_is_intact(Table::kMeta, key, **row)) {
    return damage("table meta, row \"" + std::string(key) + "\": its hash is wrong");
  }
  return **row;
}

Expected<void> Scan::read_meta() {
  const Expected<std::string_view> checkpoint = meta_row(kCheckpointKey);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  const Decoded<CheckpointMeta> meta = decode_checkpoint(*checkpoint);
  if (!meta) return damage(meta.error());
  if (meta->format_version > kTreeFormatVersion) {
    return storage_error(StorageError::Kind::kNewerVersion,
                         where_ + ": written in format " + std::to_string(meta->format_version) +
                             " by a newer topod; this one knows formats up to " +
                             std::to_string(kTreeFormatVersion));
  }
  if (meta->format_version != kTreeFormatVersion) return damage("format version 0");
  loaded_.meta = *meta;
  const Expected<std::string_view> totals_row = meta_row(kTotalsKey);
  if (!totals_row) return tl::unexpected(totals_row.error());
  const Decoded<Totals> totals = decode_totals(*totals_row);
  if (!totals) return damage(totals.error());
  loaded_.totals = *totals;
  return {};
}

Expected<void> Scan::read_acls() {
  Expected<Rows> rows = rows_of(Table::kAcls);
  if (!rows) return tl::unexpected(rows.error());
  AclChunk list;  // whose chunks are being gathered
  std::string content;
  uint32_t chunks_missing = 0;
  std::string why;
  while (true) {
    const auto row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!row->has_value()) break;
    const Decoded<AclChunk> chunk = decode_acl_chunk((*row)->key, (*row)->value);
    if (!chunk) return damage(Table::kAcls, (*row)->key, chunk.error());
    if (chunks_missing == 0) {
      list = *chunk;
      content.clear();
      chunks_missing = chunk_count(list.list_bytes, kAclChunkBytes);
      if (list.chunk != 0) return damage(Table::kAcls, (*row)->key, "its first part is missing");
    } else if (chunk->id != list.id || chunk->chunk != list.chunk + 1 ||
               chunk->list_bytes != list.list_bytes) {
      return damage(Table::kAcls, (*row)->key, "it does not continue the row before");
    }
    list.chunk = chunk->chunk;
    content += chunk->content;
    if (--chunks_missing != 0) continue;
    ++loaded_.acls;
    if (!visitor_.acl({list.id, content}, why)) return damage(Table::kAcls, (*row)->key, why);
  }
  if (chunks_missing != 0) return damage("table acls: the last list is not complete");
  return {};
}

Expected<void> Scan::read_nodes() {
  Expected<Rows> rows = rows_of(Table::kNodes);
  if (!rows) return tl::unexpected(rows.error());
  Expected<Rows> chunks = rows_of(Table::kData);
  if (!chunks) return tl::unexpected(chunks.error());
  std::string content;
  std::string why;
  while (true) {
    const auto row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!row->has_value()) break;
    const Decoded<NodeHeader> header = decode_node_header((*row)->key, (*row)->value);
    if (!header) return damage(Table::kNodes, (*row)->key, header.error());
    std::string_view bytes = (*row)->value.substr(kNodeHeaderBytes);
    if (header->in_data_table) {
      auto gathered = gather_content(*header, *chunks, content);
      if (!gathered) return gathered;
      bytes = content;
    }
    ++loaded_.nodes;
    if (!visitor_.node(with_content(*header, bytes), why)) {
      return damage(Table::kNodes, (*row)->key, why);
    }
  }
  const auto orphan = chunks->next();
  if (!orphan) return tl::unexpected(orphan.error());
  if (orphan->has_value()) return damage(Table::kData, (*orphan)->key, "it belongs to no node");
  return {};
}

// Both tables are in order of node ids, so the chunks are simply the next ones.
Expected<void> Scan::gather_content(const NodeHeader& header, Rows& chunks, std::string& content) {
  content.clear();
  const uint32_t count = chunk_count(header.content_bytes(), limits::kDataChunkBytes);
  for (uint32_t index = 0; index < count; ++index) {
    const RowKey expected = RowKey::of(header.row.id, index);
    const auto row = chunks.next();
    if (!row) return tl::unexpected(row.error());
    if (!row->has_value() || (*row)->key != expected.view()) {
      return damage(Table::kData, expected.view(), "it is missing");
    }
    const Decoded<DataChunk> chunk = decode_data_chunk((*row)->key, (*row)->value);
    if (!chunk) return damage(Table::kData, (*row)->key, chunk.error());
    const size_t missing = header.content_bytes() - content.size();
    if (chunk->content.size() != std::min(missing, limits::kDataChunkBytes)) {
      return damage(Table::kData, (*row)->key, "it has a wrong length");
    }
    content += chunk->content;
  }
  return {};
}

template <class Row>
Expected<void> Scan::read_rows(Table table, Decoder<Row> decode, Visit<Row> visit,
                               uint64_t& count) {
  Expected<Rows> rows = rows_of(table);
  if (!rows) return tl::unexpected(rows.error());
  std::string why;
  while (true) {
    const auto row = rows->next();
    if (!row) return tl::unexpected(row.error());
    if (!row->has_value()) return {};
    const Decoded<Row> decoded = decode((*row)->key, (*row)->value);
    if (!decoded) return damage(table, (*row)->key, decoded.error());
    ++count;
    if (!(visitor_.*visit)(*decoded, why)) return damage(table, (*row)->key, why);
  }
}

Expected<void> Scan::read_sessions() {
  return read_rows(Table::kSessions, &decode_session, &LoadVisitor::session, loaded_.sessions);
}

Expected<void> Scan::read_members() {
  return read_rows(Table::kMembers, &decode_member, &LoadVisitor::member, loaded_.members);
}

Expected<void> Scan::compare_totals() {
  const Totals& written = loaded_.totals;
  for (size_t index = 0; index < kCountedTables; ++index) {
    if (found_.rows[index] == written.rows[index]) continue;
    return damage(std::string("table ") + name_of(static_cast<Table>(index)) + " has " +
                  std::to_string(found_.rows[index]) + " rows, written were " +
                  std::to_string(written.rows[index]));
  }
  if (found_.hash_sum != written.hash_sum) {
    return damage("all rows are intact, but some are not as last written");
  }
  if (transaction_.id() != written.transaction_id) {
    return damage("transaction " + std::to_string(transaction_.id()) +
                  " holds the rows of transaction " + std::to_string(written.transaction_id));
  }
  if (loaded_.nodes != loaded_.meta.znode_count) {
    return damage("there are " + std::to_string(loaded_.nodes) + " znodes, the checkpoint had " +
                  std::to_string(loaded_.meta.znode_count));
  }
  return {};
}

Expected<Loaded> Scan::run() {
  using Step = Expected<void> (Scan::*)();
  constexpr std::array<Step, 6> kSteps{&Scan::read_meta,    &Scan::read_acls,
                                       &Scan::read_nodes,   &Scan::read_sessions,
                                       &Scan::read_members, &Scan::compare_totals};
  for (const Step step : kSteps) {
    if (auto done = (this->*step)(); !done) return tl::unexpected(done.error());
  }
  return loaded_;
}

// A read transaction over a tree that nobody writes.
class OpenTree {
 public:
  static Expected<OpenTree> open(const std::string& tree_dir);
  Scan scan(LoadVisitor& visitor) { return Scan(*transaction_, tables_, file_, visitor); }

 private:
  std::string file_;
  std::optional<lmdb::Environment> environment_;
  std::optional<lmdb::Transaction> transaction_;  // after the environment: it goes first
  TableHandles tables_{};
};

Expected<OpenTree> OpenTree::open(const std::string& tree_dir) {
  OpenTree tree;
  tree.file_ = tree_dir + "/" + std::string(kTreeFileName);
  const auto exists = posix_file_system().exists(tree.file_);
  if (!exists) return storage_error(exists.error());
  if (!*exists) return storage_error(StorageError::Kind::kMissing, tree_dir + ": no tree here");
  if (const auto pages = check_pages(posix_file_system(), tree.file_); !pages) {
    return tl::unexpected(pages.error());
  }
  auto environment =
      lmdb::Environment::open(tree_dir, {.map_bytes = limits::kMapBytes, .read_only = true});
  if (!environment) return lmdb::storage_error(environment.error(), tree.file_);
  tree.environment_.emplace(std::move(*environment));
  auto transaction = tree.environment_->begin_read();
  if (!transaction) return lmdb::storage_error(transaction.error(), tree.file_);
  tree.transaction_.emplace(std::move(*transaction));
  const auto tables = open_tables(*tree.transaction_, false);
  if (!tables) return lmdb::storage_error(tables.error(), tree.file_);
  tree.tables_ = *tables;
  return tree;
}

// For whoever looks at no rows.
class NoVisitor final : public LoadVisitor {
 public:
  bool acl(const AclRow&, std::string&) override { return true; }
  bool node(const NodeRow&, std::string&) override { return true; }
  bool session(const SessionRow&, std::string&) override { return true; }
  bool member(const MemberRow&, std::string&) override { return true; }
};

}  // namespace

Expected<Loaded> load_tree(const std::string& tree_dir, LoadVisitor& visitor) {
  const auto begin = std::chrono::steady_clock::now();
  auto tree = OpenTree::open(tree_dir);
  if (!tree) return tl::unexpected(tree.error());
  Expected<Loaded> loaded = tree->scan(visitor).run();
  if (!loaded) return loaded;
  const auto duration = std::chrono::steady_clock::now() - begin;
  loaded->duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return loaded;
}

Expected<CheckpointMeta> read_checkpoint(const std::string& tree_dir) {
  auto tree = OpenTree::open(tree_dir);
  if (!tree) return tl::unexpected(tree.error());
  NoVisitor nobody;
  return tree->scan(nobody).read_checkpoint();
}

}  // namespace topod::storage
