// The walk through the pages of an LMDB file: whatever the bytes are, it ends with a verdict.
//
// Input: changes to a small intact file, each an offset (16 bits), a length (8 bits) and bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "proto/check.h"
#include "storage/lmdb_pages.h"
#include "storage/store.h"

namespace topod::storage {
namespace {

constexpr std::string_view kPath = "memory";

class MemoryFile final : public File {
 public:
  explicit MemoryFile(const std::string& bytes) : bytes_(bytes) {}
  IoResult<size_t> read(uint64_t offset, std::span<std::byte> into) override {
    if (offset >= bytes_.size()) return size_t{0};
    const size_t count = std::min(into.size(), bytes_.size() - offset);
    std::memcpy(into.data(), bytes_.data() + offset, count);
    return count;
  }
  IoResult<uint64_t> size() override { return bytes_.size(); }
  IoResult<void> write(uint64_t, std::span<const std::byte>) override { std::abort(); }
  IoResult<void> sync() override { std::abort(); }
  IoResult<void> allocate(uint64_t) override { std::abort(); }

 private:
  const std::string& bytes_;
};

// A tree with a few pages of each sort.
std::string intact_file() {
  std::string pattern = (std::filesystem::temp_directory_path() / "topod-XXXXXX").string();
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  const std::string dir = pattern + "/tree.1";
  std::string bytes;
  {
    Store::Options options;
    options.map_bytes = size_t{1} << 24;
    options.extend_bytes = 4'096;
    auto store = Store::create(dir, options, {}, {});
    CHECK(store.has_value());
    for (uint64_t round = 1; round <= 3; ++round) {
      Checkpoint checkpoint;
      NodeRow row;
      for (uint64_t id = 1; id <= 24 * round; ++id) {
        row.id = NodeId(id);
        const std::string data(150 * round, 'd');
        row.data = data;
        checkpoint.put_node(row);
      }
      CHECK(store->commit(checkpoint, {}).has_value());
    }
    const auto file = posix_file_system().open(dir + "/data.mdb", {});
    CHECK(file.has_value());
    bytes.resize(store->used_bytes());
    CHECK((*file)->read(0, std::as_writable_bytes(std::span(bytes))).has_value());
  }
  std::filesystem::remove_all(pattern);
  CHECK(check_pages(std::make_unique<MemoryFile>(bytes), std::string(kPath)).has_value());
  return bytes;
}

}  // namespace
}  // namespace topod::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace topod::storage;
  static const std::string kIntact = intact_file();
  std::string file = kIntact;
  std::string_view changes(reinterpret_cast<const char*>(bytes), size);
  while (changes.size() >= 4) {
    uint16_t place = 0;
    std::memcpy(&place, changes.data(), sizeof place);
    const auto length = static_cast<uint8_t>(changes[2]);
    changes.remove_prefix(3);
    const std::string_view patch = changes.substr(0, length);
    changes.remove_prefix(patch.size());
    const size_t offset = place % file.size();
    file.replace(offset, std::min(patch.size(), file.size() - offset), patch);
  }
  const auto verdict = check_pages(std::make_unique<MemoryFile>(file), std::string(kPath));
  if (!verdict) CHECK(verdict.error().kind == StorageError::Kind::kDamaged);
  return 0;
}
