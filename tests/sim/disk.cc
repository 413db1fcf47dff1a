#include "tests/sim/disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "proto/check.h"
#include "proto/limits.h"

namespace topod::sim {

using storage::IoError;
using storage::IoResult;
using storage::parent_of;

namespace {

tl::unexpected<IoError> failure(int code, const char* operation, const std::string& path) {
  return tl::make_unexpected(IoError{code, operation, path});
}

class DiskLock final : public storage::FileLock {};

}  // namespace

class DiskFile final : public storage::File {
 public:
  DiskFile(Disk& disk, Disk::NodePtr node, std::string path, storage::OpenFlags flags)
      : disk_(disk), node_(std::move(node)), path_(std::move(path)), flags_(flags) {}

  IoResult<size_t> read(uint64_t offset, std::span<std::byte> into) override {
    const uint64_t size = node_->bytes.size();
    if (offset >= size) return 0;
    const auto count = static_cast<size_t>(std::min<uint64_t>(into.size(), size - offset));
    const auto bad = node_->unreadable.lower_bound(offset / limits::kSectorBytes);
    if (bad != node_->unreadable.end() && *bad * limits::kSectorBytes < offset + count) {
      return failure(EIO, "read", path_);
    }
    std::memcpy(into.data(), node_->bytes.data() + offset, count);
    return count;
  }
  IoResult<void> write(uint64_t offset, std::span<const std::byte> bytes) override {
    CHECK(flags_.write);
    const uint64_t end = offset + bytes.size();
    const uint64_t size = node_->bytes.size();
    if (end > size && disk_.used_bytes() + end - size > disk_.capacity_) {
      return failure(ENOSPC, "write", path_);
    }
    if (flags_.durable && std::exchange(disk_.fails_next_write_, false)) {
      const size_t half = bytes.size() / 2 / limits::kSectorBytes * limits::kSectorBytes;
      disk_.write(node_, offset, bytes.first(half), flags_.durable);
      return failure(EIO, "write", path_);
    }
    disk_.write(node_, offset, bytes, flags_.durable);
    return {};
  }
  IoResult<void> sync() override {
    disk_.journal_.push_back({.kind = Disk::Step::Kind::kSync, .node = node_});
    return {};
  }
  IoResult<uint64_t> size() override { return node_->bytes.size(); }
  IoResult<void> allocate(uint64_t size) override {
    const uint64_t now = node_->bytes.size();
    if (size <= now) return {};
    if (disk_.used_bytes() + size - now > disk_.capacity_) {
      return failure(ENOSPC, "allocate", path_);
    }
    disk_.journal_.push_back({.kind = Disk::Step::Kind::kResize, .node = node_, .old_size = now});
    node_->bytes.resize(size, '\0');
    return {};
  }

 private:
  Disk& disk_;
  Disk::NodePtr node_;
  std::string path_;
  storage::OpenFlags flags_;
};

// ---- calls ---------------------------------------------------------------------------------

IoResult<std::unique_ptr<storage::File>> Disk::open(const std::string& path,
                                                    storage::OpenFlags flags) {
  auto found = names_.find(path);
  if (flags.create) {
    if (found != names_.end()) return failure(EEXIST, "create", path);
    change_names({}, path, std::make_shared<Node>());
    found = names_.find(path);
  }
  if (found == names_.end() || found->second->folder) return failure(ENOENT, "open", path);
  return std::make_unique<DiskFile>(*this, found->second, path, flags);
}

IoResult<void> Disk::rename(const std::string& from, const std::string& to) {
  const auto found = names_.find(from);
  if (found == names_.end()) return failure(ENOENT, "rename", from);
  change_names(from, to, found->second);
  return {};
}

IoResult<void> Disk::remove(const std::string& path) {
  if (!names_.contains(path)) return failure(ENOENT, "remove", path);
  change_names(path, {}, nullptr);
  return {};
}

IoResult<std::vector<std::string>> Disk::list(const std::string& dir) {
  std::vector<std::string> result;
  for (const auto& [path, node] : names_) {
    if (parent_of(path) == dir) result.push_back(path.substr(dir.size() + 1));
  }
  return result;
}

IoResult<bool> Disk::exists(const std::string& path) { return names_.contains(path); }

IoResult<void> Disk::make_dir(const std::string& dir) {
  if (names_.contains(dir)) return {};
  auto node = std::make_shared<Node>();
  node->folder = true;
  change_names({}, dir, std::move(node));
  return {};
}

IoResult<void> Disk::sync_dir(const std::string&) {
  journal_.push_back({.kind = Step::Kind::kSyncNames});
  return {};
}

IoResult<std::unique_ptr<storage::FileLock>> Disk::lock(const std::string&) {
  return std::make_unique<DiskLock>();
}

IoResult<uint64_t> Disk::free_bytes(const std::string&) {
  const uint64_t used = used_bytes();
  return used >= capacity_ ? 0 : capacity_ - used;
}

void Disk::write(const NodePtr& node, uint64_t offset, std::span<const std::byte> bytes,
                 bool durable) {
  Step& step = journal_.emplace_back();
  step.kind = durable ? Step::Kind::kDurableWrite : Step::Kind::kWrite;
  step.node = node;
  step.offset = offset;
  step.old_size = node->bytes.size();
  const uint64_t end = offset + bytes.size();
  if (!node->unreadable.empty()) {
    node->unreadable.erase(node->unreadable.lower_bound(offset / limits::kSectorBytes),
                           node->unreadable.lower_bound(end / limits::kSectorBytes));
  }
  if (end > node->bytes.size()) node->bytes.resize(end, '\0');
  char* const place = node->bytes.data() + offset;
  step.old_bytes.assign(place, bytes.size());
  std::memcpy(place, bytes.data(), bytes.size());
}

void Disk::change_names(const std::string& removed, const std::string& added, NodePtr node) {
  Step& step = journal_.emplace_back();
  step.kind = Step::Kind::kNames;
  step.removed = removed;
  step.added = added;
  if (const auto found = names_.find(removed); found != names_.end()) {
    step.removed_node = found->second;
    names_.erase(found);
  }
  if (added.empty()) return;
  if (const auto found = names_.find(added); found != names_.end()) {
    step.replaced_node = found->second;
  }
  names_[added] = std::move(node);
}

uint64_t Disk::used_bytes() const {
  uint64_t total = 0;
  for (const auto& [path, node] : names_) total += node->bytes.size();
  return total;
}

// ---- stops ---------------------------------------------------------------------------------

void Disk::undo(Step& step) {
  switch (step.kind) {
    case Step::Kind::kWrite:
    case Step::Kind::kDurableWrite: {
      std::string& bytes = step.node->bytes;
      if (step.offset < bytes.size()) {
        const size_t size = std::min(step.old_bytes.size(), bytes.size() - step.offset);
        std::memcpy(bytes.data() + step.offset, step.old_bytes.data(), size);
      }
      if (step.old_size < bytes.size()) bytes.resize(step.old_size);
      break;
    }
    case Step::Kind::kResize: step.node->bytes.resize(step.old_size); break;
    case Step::Kind::kNames:
      if (!step.added.empty()) names_.erase(step.added);
      if (step.replaced_node != nullptr) names_[step.added] = step.replaced_node;
      if (step.removed_node != nullptr) names_[step.removed] = step.removed_node;
      break;
    case Step::Kind::kSync:
    case Step::Kind::kSyncNames: break;
  }
}

void Disk::tear(Step& step) {
  constexpr size_t kSector = limits::kSectorBytes;
  std::string& bytes = step.node->bytes;
  // None, all and anything in between are equally interesting.
  const uint64_t lost_per_mille = std::array<uint64_t, 4>{1'000, 500, 100, 0}[random_.index(4)];
  for (size_t at = 0; at < step.old_bytes.size(); at += kSector) {
    const size_t place = static_cast<size_t>(step.offset) + at;
    if (place >= bytes.size() || !random_.chance(lost_per_mille)) continue;
    const size_t size = std::min({kSector, step.old_bytes.size() - at, bytes.size() - place});
    std::memcpy(bytes.data() + place, step.old_bytes.data() + at, size);
  }
}

void Disk::end_operation() {
  forget_durable();
  in_progress_ = journal_.size();
}

// Drops the steps that a power cut cannot take back any more.
void Disk::forget_durable() {
  std::set<const Node*> synced;
  bool names_synced = false;
  std::vector<Step> kept;
  for (size_t i = journal_.size(); i-- > 0;) {
    Step& step = journal_[i];
    switch (step.kind) {
      case Step::Kind::kDurableWrite: continue;
      case Step::Kind::kSync: synced.insert(step.node.get()); continue;
      case Step::Kind::kSyncNames: names_synced = true; continue;
      case Step::Kind::kNames:
        if (names_synced) continue;
        break;
      case Step::Kind::kWrite:
      case Step::Kind::kResize:
        if (synced.contains(step.node.get())) continue;
        break;
    }
    kept.push_back(std::move(step));
  }
  std::reverse(kept.begin(), kept.end());
  journal_ = std::move(kept);
}

void Disk::stop(Stop kind) {
  fails_next_write_ = false;
  const size_t reached =
      in_progress_ + random_.index(journal_.size() - in_progress_ + 1);  // steps that were begun
  while (journal_.size() > reached) {
    Step& last = journal_.back();
    const bool was_under_way = journal_.size() == reached + 1;
    if (was_under_way && last.kind == Step::Kind::kDurableWrite) {
      tear(last);
    } else {
      undo(last);
    }
    journal_.pop_back();
  }
  forget_durable();
  if (kind == Stop::kPower) lose_unsynced();
  in_progress_ = journal_.size();
}

void Disk::lose_unsynced() {
  // Names are journalled by the file system: what is lost of them is the end.
  size_t name_changes_kept = random_.index(journal_.size() + 1);
  for (size_t i = journal_.size(); i-- > 0;) {
    Step& step = journal_[i];
    if (step.kind == Step::Kind::kNames) {
      if (i >= name_changes_kept) undo(step);
    } else if (step.kind == Step::Kind::kResize) {
      if (random_.chance(300)) undo(step);
    } else {
      tear(step);
    }
  }
  journal_.clear();
}

bool Disk::rot(const std::string& prefix) {
  constexpr int kTries = 256;
  std::vector<Node*> files;
  for (const auto& [path, node] : names_) {
    if (path.starts_with(prefix) && !node->bytes.empty()) files.push_back(node.get());
  }
  for (int tries = 0; tries < kTries && !files.empty(); ++tries) {
    Node& node = *files[random_.index(files.size())];
    const size_t place = random_.index(node.bytes.size());
    if (node.bytes[place] == 0) continue;
    if (random_.chance(300)) {
      node.unreadable.insert(place / limits::kSectorBytes);
    } else {
      node.bytes[place] = static_cast<char>(node.bytes[place] ^ (1 << random_.index(8)));
    }
    return true;
  }
  return false;
}

void Disk::wipe() {
  names_.clear();
  journal_.clear();
  in_progress_ = 0;
}

}  // namespace topod::sim
