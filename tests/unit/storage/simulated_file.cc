#include "tests/unit/storage/simulated_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proto/check.h"

namespace topod::storage {
namespace {

tl::unexpected<IoError> failure(int code, const char* operation, const std::string& path) {
  return tl::make_unexpected(IoError{code, operation, path});
}

}  // namespace

class SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedFileSystem& disk, SimulatedFileSystem::NodePtr node, std::string path,
                OpenFlags flags)
      : disk_(disk),
        node_(std::move(node)),
        path_(std::move(path)),
        flags_(flags),
        life_(disk.life_) {}

  IoResult<size_t> read(uint64_t offset, std::span<std::byte> into) override {
    const std::lock_guard lock(disk_.mutex_);
    check_alignment(offset, into.data(), into.size());
    if (dead()) return failure(EIO, "read", path_);
    const uint64_t size = node_->bytes.size();
    const size_t count =
        offset >= size ? 0 : static_cast<size_t>(std::min<uint64_t>(into.size(), size - offset));
    for (uint64_t sector = offset / 512; sector * 512 < offset + count; ++sector) {
      if (node_->unreadable.contains(sector)) return failure(EIO, "read", path_);
    }
    std::memcpy(into.data(), node_->bytes.data() + offset, count);
    return count;
  }

  IoResult<void> write(uint64_t offset, std::span<const std::byte> bytes) override {
    CHECK(flags_.write);
    check_alignment(offset, bytes.data(), bytes.size());
    const auto act = [&] {
      if (dead()) return EIO;
      const uint64_t end = offset + bytes.size();
      if (end > node_->bytes.size() &&
          disk_.used_bytes() + end - node_->bytes.size() > disk_.capacity_) {
        return ENOSPC;
      }
      disk_.write_bytes(*node_, offset, bytes.data(), bytes.size());
      return 0;
    };
    return disk_.call("write", path_, act, [&] {
      if (flags_.durable) settle();
    });
  }

  IoResult<void> sync() override {
    const auto act = [&] { return dead() ? EIO : 0; };
    return disk_.call("sync", path_, act, [&] { settle(); });
  }

  IoResult<uint64_t> size() override {
    const std::lock_guard lock(disk_.mutex_);
    if (dead()) return failure(EIO, "stat", path_);
    return node_->bytes.size();
  }

  IoResult<void> allocate(uint64_t size) override {
    const auto act = [&] {
      if (dead()) return EIO;
      const uint64_t now = node_->bytes.size();
      if (size <= now) return 0;
      if (disk_.used_bytes() + size - now > disk_.capacity_) return ENOSPC;
      node_->bytes.resize(size, '\0');
      return 0;
    };
    return disk_.call("allocate", path_, act, [] {});
  }

 private:
  [[nodiscard]] bool dead() const { return disk_.crashed_ || life_ != disk_.life_; }
  void settle() {
    node_->unsynced.clear();
    node_->durable_size = node_->bytes.size();
  }
  void check_alignment(uint64_t offset, const void* memory, size_t size) const {
    if (!flags_.direct) return;
    CHECK(offset % kDirectAlignBytes == 0 && size % kDirectAlignBytes == 0);
    CHECK(reinterpret_cast<uintptr_t>(memory) % kDirectAlignBytes == 0);
  }

  SimulatedFileSystem& disk_;
  SimulatedFileSystem::NodePtr node_;
  std::string path_;
  OpenFlags flags_;
  uint64_t life_;
};

class SimulatedFileLock final : public FileLock {
 public:
  SimulatedFileLock(SimulatedFileSystem& disk, std::string path)
      : disk_(disk), path_(std::move(path)), life_(disk.life_) {}
  ~SimulatedFileLock() override {
    const std::lock_guard lock(disk_.mutex_);
    if (life_ == disk_.life_) disk_.locked_.erase(path_);
  }

 private:
  SimulatedFileSystem& disk_;
  std::string path_;
  uint64_t life_;
};

SimulatedFileSystem::SimulatedFileSystem(uint64_t seed) : random_(seed) {}
SimulatedFileSystem::~SimulatedFileSystem() = default;

// ---- calls ---------------------------------------------------------------------------------

SimulatedFileSystem::Fate SimulatedFileSystem::begin_call(const char* operation,
                                                          const std::string& path) {
  if (crashed_) return {EIO, false, false};
  ++calls_;
  last_call_ = std::string(operation) + " " + path;
  if (!plan_ || plan_->call != calls_) return {};
  if (!plan_->crash) return {plan_->code, plan_->code == EIO, false};
  crashed_ = true;
  return {EIO, *plan_->crash == CallPhase::kDuring, *plan_->crash == CallPhase::kAfter};
}

IoResult<void> SimulatedFileSystem::call(const char* operation, const std::string& path,
                                         const std::function<int()>& act,
                                         const std::function<void()>& settle) {
  const std::lock_guard lock(mutex_);
  const bool was_crashed = crashed_;
  const Fate fate = begin_call(operation, path);
  if (was_crashed) return failure(EIO, operation, path);
  if (fate.code != 0) {
    const bool now_crashed = std::exchange(crashed_, false);  // let it act once more
    if (fate.partly || fate.wholly) static_cast<void>(act());
    if (fate.wholly) settle();
    crashed_ = now_crashed;
    // The kernel forgets what it could not write; the medium may hold any part of it.
    if (fate.partly && !crashed_) {
      for (const auto& [name, node] : names_) {
        if (name == path) resolve_sectors(*node);
      }
    }
    return failure(fate.code, operation, path);
  }
  if (const int code = act(); code != 0) return failure(code, operation, path);
  settle();
  return {};
}

IoResult<std::unique_ptr<File>> SimulatedFileSystem::open(const std::string& path,
                                                          OpenFlags flags) {
  if (flags.create) {
    const auto act = [&] {
      if (names_.contains(path)) return EEXIST;
      const auto node = std::make_shared<Node>();
      const Operation operation{parent_of(path), {}, path, node};
      apply(names_, operation);
      pending_.push_back(operation);
      return 0;
    };
    const auto created = call("create", path, act, [] {});
    if (!created) return tl::make_unexpected(created.error());
  }
  const std::lock_guard lock(mutex_);
  if (crashed_) return failure(EIO, "open", path);
  const auto found = names_.find(path);
  if (found == names_.end() || found->second->folder) return failure(ENOENT, "open", path);
  return std::make_unique<SimulatedFile>(*this, found->second, path, flags);
}

IoResult<void> SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
  const auto act = [&] {
    const auto found = names_.find(from);
    if (found == names_.end()) return ENOENT;
    const Operation operation{parent_of(to), from, to, found->second};
    apply(names_, operation);
    pending_.push_back(operation);
    return 0;
  };
  return call("rename", from, act, [] {});
}

IoResult<void> SimulatedFileSystem::remove(const std::string& path) {
  const auto act = [&] {
    if (!names_.contains(path)) return ENOENT;
    const Operation operation{parent_of(path), path, {}, nullptr};
    apply(names_, operation);
    pending_.push_back(operation);
    return 0;
  };
  return call("remove", path, act, [] {});
}

IoResult<void> SimulatedFileSystem::make_dir(const std::string& dir) {
  const auto act = [&] {
    if (names_.contains(dir)) return 0;
    const auto node = std::make_shared<Node>();
    node->folder = true;
    const Operation operation{parent_of(dir), {}, dir, node};
    apply(names_, operation);
    pending_.push_back(operation);
    return 0;
  };
  return call("make", dir, act, [] {});
}

IoResult<void> SimulatedFileSystem::sync_dir(const std::string& dir) {
  return call(
      "sync", dir, [] { return 0; },
      [&] {
        for (const Operation& operation : pending_) {
          if (operation.dir == dir) apply(durable_, operation);
        }
        std::erase_if(pending_, [&](const Operation& o) { return o.dir == dir; });
      });
}

IoResult<std::vector<std::string>> SimulatedFileSystem::list(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  if (crashed_) return failure(EIO, "list", dir);
  std::vector<std::string> result;
  for (const auto& [path, node] : names_) {
    if (parent_of(path) == dir) result.push_back(path.substr(dir.size() + 1));
  }
  return result;
}

IoResult<bool> SimulatedFileSystem::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (crashed_) return failure(EIO, "stat", path);
  return names_.contains(path);
}

IoResult<std::unique_ptr<FileLock>> SimulatedFileSystem::lock(const std::string& path) {
  const std::lock_guard guard(mutex_);
  if (crashed_) return failure(EIO, "lock", path);
  if (!locked_.insert(path).second) return failure(EWOULDBLOCK, "lock", path);
  if (!names_.contains(path)) {
    const Operation operation{parent_of(path), {}, path, std::make_shared<Node>()};
    apply(names_, operation);
    pending_.push_back(operation);
  }
  return std::make_unique<SimulatedFileLock>(*this, path);
}

IoResult<uint64_t> SimulatedFileSystem::free_bytes(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  if (crashed_) return failure(EIO, "statvfs", dir);
  const uint64_t used = used_bytes();
  return used >= capacity_ ? 0 : capacity_ - used;
}

// ---- state ---------------------------------------------------------------------------------

void SimulatedFileSystem::write_bytes(Node& node, uint64_t offset, const std::byte* bytes,
                                      size_t size) {
  const uint64_t end = offset + size;
  if (end > node.bytes.size()) node.bytes.resize(end, '\0');
  for (uint64_t sector = offset / kSector; sector * kSector < end; ++sector) {
    if (node.unsynced.contains(sector)) continue;
    Sector& kept = node.unsynced[sector];
    kept.fill('\0');
    const uint64_t begin = sector * kSector;
    const uint64_t held = std::min<uint64_t>(node.bytes.size() - begin, kSector);
    std::memcpy(kept.data(), node.bytes.data() + begin, held);
  }
  std::memcpy(node.bytes.data() + offset, bytes, size);
}

void SimulatedFileSystem::resolve_sectors(Node& node) {
  // All, none and any subset in between are equally interesting.
  const uint64_t kept_percent = std::array<uint64_t, 4>{0, 50, 90, 100}[random_() % 4];
  for (const auto& [sector, old] : node.unsynced) {
    if (random_() % 100 < kept_percent) continue;
    const uint64_t begin = sector * kSector;
    if (begin >= node.bytes.size()) continue;
    std::memcpy(node.bytes.data() + begin, old.data(),
                std::min<uint64_t>(kSector, node.bytes.size() - begin));
  }
  node.unsynced.clear();
}

void SimulatedFileSystem::apply(Names& names, const Operation& operation) const {
  if (!operation.removed.empty()) names.erase(operation.removed);
  if (operation.added.empty()) return;
  names[operation.added] = operation.node;
  if (operation.removed.empty() || !operation.node->folder) return;
  // What lies in a folder goes with it.
  const std::string from = operation.removed + "/";
  for (auto inside = names.lower_bound(from);
       inside != names.end() && inside->first.starts_with(from);) {
    auto moved = names.extract(inside++);
    moved.key() = operation.added + "/" + moved.key().substr(from.size());
    names.insert(std::move(moved));
  }
}

void SimulatedFileSystem::restart() {
  const std::lock_guard lock(mutex_);
  const uint64_t kept_percent = std::array<uint64_t, 3>{0, 50, 100}[random_() % 3];
  for (const Operation& operation : pending_) {
    if (random_() % 100 < kept_percent) apply(durable_, operation);
  }
  pending_.clear();
  // A folder that was lost takes along what was in it.
  std::erase_if(durable_, [&](const auto& entry) {
    const auto folder = names_.find(parent_of(entry.first));
    return folder != names_.end() && folder->second->folder && !durable_.contains(folder->first);
  });
  names_ = durable_;
  for (const auto& [path, node] : names_) {
    resolve_sectors(*node);
    if (node->bytes.size() != node->durable_size && random_() % 2 == 0) {
      node->bytes.resize(node->durable_size, '\0');
    }
    node->durable_size = node->bytes.size();
  }
  locked_.clear();
  plan_.reset();
  crashed_ = false;
  ++life_;
}

void SimulatedFileSystem::restart_process() {
  const std::lock_guard lock(mutex_);
  locked_.clear();
  plan_.reset();
  crashed_ = false;
  ++life_;
}

uint64_t SimulatedFileSystem::used_bytes() const {
  uint64_t total = 0;
  for (const auto& [path, node] : names_) total += node->bytes.size();
  return total;
}

SimulatedFileSystem::Node& SimulatedFileSystem::file_at(const std::string& path) const {
  const auto found = names_.find(path);
  CHECK_MSG(found != names_.end(), path.c_str());
  return *found->second;
}

// ---- control -------------------------------------------------------------------------------

uint64_t SimulatedFileSystem::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::string SimulatedFileSystem::last_call() const {
  const std::lock_guard lock(mutex_);
  return last_call_;
}

void SimulatedFileSystem::crash_at_call(uint64_t number, CallPhase phase) {
  const std::lock_guard lock(mutex_);
  plan_ = Plan{number, phase, 0};
}

void SimulatedFileSystem::fail_call(uint64_t number, int code) {
  const std::lock_guard lock(mutex_);
  plan_ = Plan{number, std::nullopt, code};
}

void SimulatedFileSystem::clear_faults() {
  const std::lock_guard lock(mutex_);
  plan_.reset();
}

bool SimulatedFileSystem::crashed() const {
  const std::lock_guard lock(mutex_);
  return crashed_;
}

void SimulatedFileSystem::set_capacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

std::string SimulatedFileSystem::contents(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return file_at(path).bytes;
}

void SimulatedFileSystem::set_contents(const std::string& path, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  Node& node = file_at(path);
  node.bytes = bytes;
  node.unsynced.clear();
  node.durable_size = bytes.size();
}

void SimulatedFileSystem::flip(const std::string& path, uint64_t offset, uint8_t mask) {
  const std::lock_guard lock(mutex_);
  char& byte = file_at(path).bytes.at(offset);
  byte = static_cast<char>(static_cast<uint8_t>(byte) ^ mask);
}

void SimulatedFileSystem::make_unreadable(const std::string& path, uint64_t sector) {
  const std::lock_guard lock(mutex_);
  file_at(path).unreadable.insert(sector);
}

std::unique_ptr<SimulatedFileSystem> SimulatedFileSystem::clone(uint64_t seed) const {
  const std::lock_guard lock(mutex_);
  auto copy = std::make_unique<SimulatedFileSystem>(seed);
  std::map<const Node*, NodePtr> copies;
  const auto copy_of = [&](const NodePtr& node) -> NodePtr {
    if (node == nullptr) return nullptr;
    NodePtr& made = copies[node.get()];
    if (made == nullptr) made = std::make_shared<Node>(*node);
    return made;
  };
  for (const auto& [path, node] : names_) copy->names_[path] = copy_of(node);
  for (const auto& [path, node] : durable_) copy->durable_[path] = copy_of(node);
  for (const Operation& operation : pending_) {
    copy->pending_.push_back(
        {operation.dir, operation.removed, operation.added, copy_of(operation.node)});
  }
  copy->capacity_ = capacity_;
  return copy;
}

}  // namespace topod::storage
