// Writes checkpoints into a new store: DIR SEED COUNT. Run under lmdb_recorder, to which it says
// when each of them is durable.
#include <cstdio>
#include <cstdlib>

#include "proto/check.h"
#include "storage/store.h"
#include "tests/unit/storage/crash_history.h"

extern "C" __attribute__((weak)) void lmdb_record_mark(uint64_t number);

int main(int argc, char** argv) {
  using namespace topod::storage;
  CHECK_MSG(argc == 4 && lmdb_record_mark != nullptr, "run by the crash test, recorded");
  CrashHistory history(std::strtoull(argv[2], nullptr, 10));
  auto store = Store::create(argv[1], small_store(), {}, history.model.meta(0));
  CHECK_MSG(store.has_value(), store ? "" : store.error().what.c_str());
  lmdb_record_mark(0);
  const int64_t count = std::strtoll(argv[3], nullptr, 10);
  while (history.zxid < count) {
    const Checkpoint checkpoint = history.next();
    const auto done = store->commit(checkpoint, history.model.meta(history.zxid));
    CHECK_MSG(done.has_value(), done ? "" : done.error().what.c_str());
    lmdb_record_mark(static_cast<uint64_t>(history.zxid));
  }
  return 0;
}
