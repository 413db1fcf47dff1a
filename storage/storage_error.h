// How an operation of this folder fails, where failing is expected. Plain value.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "storage/file.h"

namespace topod::storage {

struct StorageError {
  enum class Kind {
    kMissing,       // what was asked for is not there
    kNoSpace,       // the disk or a quota is full; nothing was changed, may be tried again
    kDamaged,       // bytes on the disk are not what was written
    kNewerVersion,  // written by a newer topod
    kForeign,       // belongs to another server, ensemble or program
    kLocked,        // in use by another process
    kSystem,        // the operating system or LMDB refused; not to be tried again
  };
  Kind kind = Kind::kSystem;
  std::string what;  // a sentence for the operator: what, where, why
};

template <class T>
using Expected = tl::expected<T, StorageError>;

[[nodiscard]] inline tl::unexpected<StorageError> storage_error(StorageError::Kind kind,
                                                                std::string what) {
  return tl::unexpected<StorageError>(StorageError{kind, std::move(what)});
}

[[nodiscard]] inline tl::unexpected<StorageError> storage_error(const IoError& error) {
  return storage_error(
      error.no_space() ? StorageError::Kind::kNoSpace : StorageError::Kind::kSystem,
      error.message());
}

}  // namespace topod::storage
