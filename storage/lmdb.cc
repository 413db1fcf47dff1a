#include "storage/lmdb.h"

#include <cerrno>

#include "proto/check.h"

namespace topod::storage::lmdb {

namespace {

constexpr unsigned kReadersMax = 16;
constexpr mdb_mode_t kFileMode = 0640;

tl::unexpected<Error> failure(int code, const char* operation) {
  return tl::unexpected<Error>(Error{code, operation});
}

Result<void> verdict(int code, const char* operation) {
  if (code != MDB_SUCCESS) return failure(code, operation);
  return {};
}

MDB_val value_of(std::string_view bytes) {
  // LMDB takes its input through a pointer to non-const and does not write there.
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view view_of(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

}  // namespace

bool Error::is_damage() const {
  switch (code) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_CURSOR_FULL:  // deeper than any tree of ours can be
    case MDB_INCOMPATIBLE:
    case MDB_BAD_DBI:
    case MDB_BAD_VALSIZE:
    case MDB_NOTFOUND: return true;
    default: return false;
  }
}

std::string Error::message() const {
  return std::string("LMDB ") + operation + ": " + mdb_strerror(code);
}

tl::unexpected<StorageError> storage_error(const Error& error, const std::string& where) {
  auto kind = StorageError::Kind::kSystem;
  if (error.is_damage()) kind = StorageError::Kind::kDamaged;
  if (error.code == ENOENT) kind = StorageError::Kind::kMissing;
  return storage::storage_error(kind, where + ": " + error.message());
}

Result<Environment> Environment::open(const std::string& dir, const Options& options) {
  MDB_env* raw = nullptr;
  if (const int code = mdb_env_create(&raw); code != MDB_SUCCESS) return failure(code, "create");
  Environment environment(raw);
  int code = mdb_env_set_mapsize(raw, options.map_bytes);
  if (code == MDB_SUCCESS) code = mdb_env_set_maxreaders(raw, kReadersMax);
  if (code == MDB_SUCCESS) code = mdb_env_set_maxdbs(raw, 16);
  // Never MDB_NOSYNC, MDB_NOMETASYNC, MDB_WRITEMAP, MDB_MAPASYNC: each gives up either what was
  // committed or the file itself in a power failure.
  unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
  if (options.read_only) {
    flags = MDB_NOTLS | MDB_RDONLY | (options.beside_writer ? 0U : unsigned{MDB_NOLOCK});
  }
  if (code == MDB_SUCCESS) code = mdb_env_open(raw, dir.c_str(), flags, kFileMode);
  if (code != MDB_SUCCESS) return failure(code, "open");
  if (!options.read_only) {
    if (auto done = environment.forget_dead_readers(); !done) return tl::unexpected(done.error());
  }
  return environment;
}

Result<void> Environment::forget_dead_readers() {
  int cleared = 0;
  return verdict(mdb_reader_check(env_.get(), &cleared), "reader check");
}

Result<void> Environment::copy_to(const std::string& dir) const {
  return verdict(mdb_env_copy(env_.get(), dir.c_str()), "copy");
}

Result<Transaction> Environment::begin_write() {
  MDB_txn* raw = nullptr;
  const int code = mdb_txn_begin(env_.get(), nullptr, 0, &raw);
  if (code != MDB_SUCCESS) return failure(code, "begin");
  return Transaction(raw);
}

Result<Transaction> Environment::begin_read() const {
  MDB_txn* raw = nullptr;
  const int code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &raw);
  if (code != MDB_SUCCESS) return failure(code, "begin read");
  return Transaction(raw);
}

Result<void> Environment::set_map_bytes(size_t bytes) {
  return verdict(mdb_env_set_mapsize(env_.get(), bytes), "set map size");
}

size_t Environment::map_bytes() const {
  MDB_envinfo info{};
  CHECK(mdb_env_info(env_.get(), &info) == MDB_SUCCESS);
  return info.me_mapsize;
}

size_t Environment::page_bytes() const {
  MDB_stat stat{};
  CHECK(mdb_env_stat(env_.get(), &stat) == MDB_SUCCESS);
  return stat.ms_psize;
}

size_t Environment::used_pages() const {
  MDB_envinfo info{};
  CHECK(mdb_env_info(env_.get(), &info) == MDB_SUCCESS);
  return info.me_last_pgno + 1;
}

Result<MDB_dbi> Transaction::open_table(const char* name, bool create) {
  MDB_dbi table = 0;
  const int code = mdb_dbi_open(transaction_.get(), name, create ? MDB_CREATE : 0, &table);
  if (code != MDB_SUCCESS) return failure(code, "open table");
  return table;
}

Result<std::optional<std::string_view>> Transaction::get(MDB_dbi table,
                                                         std::string_view key) const {
  MDB_val lmdb_key = value_of(key);
  MDB_val value{};
  const int code = mdb_get(transaction_.get(), table, &lmdb_key, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != MDB_SUCCESS) return failure(code, "get");
  return view_of(value);
}

Result<void> Transaction::put(MDB_dbi table, std::string_view key, std::string_view value,
                              bool append) {
  MDB_val lmdb_key = value_of(key);
  MDB_val lmdb_value = value_of(value);
  const unsigned flags = append ? MDB_APPEND : 0;
  return verdict(mdb_put(transaction_.get(), table, &lmdb_key, &lmdb_value, flags), "put");
}

Result<void> Transaction::erase(MDB_dbi table, std::string_view key) {
  MDB_val lmdb_key = value_of(key);
  return verdict(mdb_del(transaction_.get(), table, &lmdb_key, nullptr), "delete");
}

Result<MDB_stat> Transaction::stat(MDB_dbi table) const {
  MDB_stat stat{};
  const int code = mdb_stat(transaction_.get(), table, &stat);
  if (code != MDB_SUCCESS) return failure(code, "stat");
  return stat;
}

uint64_t Transaction::id() const { return mdb_txn_id(transaction_.get()); }

Result<void> Transaction::commit() {
  // LMDB frees the transaction whatever comes of it.
  return verdict(mdb_txn_commit(transaction_.release()), "commit");
}

Result<Cursor> Cursor::open(const Transaction& transaction, MDB_dbi table) {
  MDB_cursor* raw = nullptr;
  const int code = mdb_cursor_open(transaction.transaction_.get(), table, &raw);
  if (code != MDB_SUCCESS) return failure(code, "open cursor");
  return Cursor(raw);
}

Result<std::optional<Row>> Cursor::step(MDB_cursor_op operation, std::string_view key) {
  MDB_val lmdb_key = value_of(key);
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_.get(), &lmdb_key, &value, operation);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != MDB_SUCCESS) return failure(code, "step cursor");
  return Row{view_of(lmdb_key), view_of(value)};
}

}  // namespace topod::storage::lmdb
