// LMDB with owners and values: an environment, its transactions and its cursors close themselves,
// errors are returned. No policy: what is stored is tree_schema.h's business, when is store.h's.
//
// Threads: an Environment may be used by any; a write transaction only by the thread that began
// it, one at a time in the environment; a read transaction by one thread at a time (MDB_NOTLS:
// it is not bound to a thread, so one thread may hold several). An environment must not cross a
// fork, and must not be opened twice in one process.
//
// Views returned by get and by cursors point into the map: they live until the transaction ends,
// in a write transaction until its next change.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "storage/storage_error.h"

namespace topod::storage::lmdb {

struct Error {
  int code = 0;  // an errno, or one of LMDB's (negative)
  const char* operation = "";
  // Bytes on the disk that LMDB could not make sense of.
  [[nodiscard]] bool is_damage() const;
  [[nodiscard]] std::string message() const;
};
[[nodiscard]] tl::unexpected<StorageError> storage_error(const Error& error,
                                                         const std::string& where);

template <class T>
using Result = tl::expected<T, Error>;

class Transaction;

class Environment {
 public:
  struct Options {
    size_t map_bytes = 0;
    // Opens what exists, changes nothing in the folder, takes no lock: the caller makes sure that
    // nobody writes.
    bool read_only = false;
    // With `read_only`: another process may write meanwhile, and is told by LMDB's lock file which
    // pages are still read here.
    bool beside_writer = false;
  };
  static Result<Environment> open(const std::string& dir, const Options& options);

  Result<Transaction> begin_write();
  Result<Transaction> begin_read() const;

  // A copy of the last commit, in a folder that is there and empty; not yet durable. Writers are
  // held up for as long as it takes to copy two pages.
  Result<void> copy_to(const std::string& dir) const;
  // Readers of other processes that were killed hold on to their pages until this is called.
  Result<void> forget_dead_readers();

  // No transaction may be open in the process.
  Result<void> set_map_bytes(size_t bytes);
  [[nodiscard]] size_t map_bytes() const;
  [[nodiscard]] size_t page_bytes() const;
  // Pages that have ever been used; the file need not be longer.
  [[nodiscard]] size_t used_pages() const;

 private:
  struct Close {
    void operator()(MDB_env* env) const { mdb_env_close(env); }
  };
  explicit Environment(MDB_env* env) : env_(env) {}
  std::unique_ptr<MDB_env, Close> env_;
};

// Aborted when destroyed, unless committed.
class Transaction {
 public:
  Result<MDB_dbi> open_table(const char* name, bool create);
  // nullopt: no such row.
  [[nodiscard]] Result<std::optional<std::string_view>> get(MDB_dbi table,
                                                            std::string_view key) const;
  // `append`: the key is greater than all others; pages are then filled to the end.
  Result<void> put(MDB_dbi table, std::string_view key, std::string_view value,
                   bool append = false);
  Result<void> erase(MDB_dbi table, std::string_view key);
  [[nodiscard]] Result<MDB_stat> stat(MDB_dbi table) const;
  [[nodiscard]] uint64_t id() const;
  Result<void> commit();

 private:
  friend class Environment;
  friend class Cursor;
  struct Abort {
    void operator()(MDB_txn* transaction) const { mdb_txn_abort(transaction); }
  };
  explicit Transaction(MDB_txn* transaction) : transaction_(transaction) {}
  std::unique_ptr<MDB_txn, Abort> transaction_;
};

struct Row {
  std::string_view key;
  std::string_view value;
};

// Must be destroyed before its transaction. Each step returns nullopt at the end.
class Cursor {
 public:
  static Result<Cursor> open(const Transaction& transaction, MDB_dbi table);
  Result<std::optional<Row>> next() { return step(MDB_NEXT, {}); }  // the first, at the beginning
  Result<std::optional<Row>> last() { return step(MDB_LAST, {}); }
  // The first row whose key is not less.
  Result<std::optional<Row>> seek(std::string_view key) { return step(MDB_SET_RANGE, key); }

 private:
  struct Close {
    void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
  };
  explicit Cursor(MDB_cursor* cursor) : cursor_(cursor) {}
  Result<std::optional<Row>> step(MDB_cursor_op operation, std::string_view key);
  std::unique_ptr<MDB_cursor, Close> cursor_;
};

}  // namespace topod::storage::lmdb
