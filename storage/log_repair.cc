#include "storage/log_repair.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "storage/log_segment.h"

namespace topod::storage {
namespace {

constexpr size_t kBlock = limits::kBatchAlignBytes;
constexpr const char* kPrefixName = "prefix.new";

// Copies the first `length` bytes and fills up with zeros to `size`. What cannot be read becomes
// zeros, too.
IoResult<void> copy_file(FileSystem& file_system, const std::string& from, const std::string& to,
                         uint64_t length, uint64_t size) {
  auto source = file_system.open(from, {});
  if (!source) return tl::make_unexpected(source.error());
  auto target = file_system.open(to, {.write = true, .create = true});
  if (!target) return tl::make_unexpected(target.error());
  AlignedBuffer block;
  block.reserve(kBlock);
  for (uint64_t offset = 0; offset < size; offset += kBlock) {
    std::memset(block.data(), 0, kBlock);
    const auto wanted =
        static_cast<size_t>(std::min<uint64_t>(kBlock, length > offset ? length - offset : 0));
    const auto count = (*source)->read(offset, {block.data(), wanted});
    if (!count && count.error().code != EIO) return tl::make_unexpected(count.error());
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(kBlock, size - offset));
    const auto written = (*target)->write(offset, {block.data(), bytes});
    if (!written) return written;
  }
  return (*target)->sync();
}

class Repair {
 public:
  Repair(FileSystem& file_system, const std::string& dir, const std::string& aside,
         const LogDamage& damage)
      : file_system_(file_system), dir_(dir), aside_(aside), damage_(damage) {}

  IoResult<void> move_damaged(const std::vector<uint64_t>& segments) {
    const bool keeps_anything = damage_.begin < damage_.position;
    if (const auto made = make_folder(); !made) return made;
    for (const uint64_t number : segments) {
      const bool prefix = number == damage_.position.segment && damage_.position.offset > 0;
      if (keeps_anything && number < damage_.position.segment) continue;
      const auto done = keeps_anything && prefix ? split(number) : move(number);
      if (!done) return done;
    }
    if (const auto synced = file_system_.sync_dir(aside_); !synced) return synced;
    return file_system_.sync_dir(dir_);
  }

 private:
  IoResult<void> make_folder() {
    if (const auto made = file_system_.make_dir(aside_); !made) return made;
    return file_system_.sync_dir(parent_of(aside_));
  }

  IoResult<void> move(uint64_t number) {
    return file_system_.rename(segment_path(dir_, number), segment_path(aside_, number));
  }

  // The whole goes aside as a copy, so that at no time a crash could take what is kept.
  IoResult<void> split(uint64_t number) {
    const std::string path = segment_path(dir_, number);
    const std::string prefix = dir_ + "/" + kPrefixName;
    auto file = file_system_.open(path, {});
    if (!file) return tl::make_unexpected(file.error());
    const auto size = (*file)->size();
    if (!size) return tl::make_unexpected(size.error());
    const auto copied = copy_file(file_system_, path, segment_path(aside_, number), *size, *size);
    if (!copied) return copied;
    if (const auto synced = file_system_.sync_dir(aside_); !synced) return synced;
    const auto left_over = file_system_.exists(prefix);
    if (!left_over) return tl::make_unexpected(left_over.error());
    if (*left_over) {
      if (const auto removed = file_system_.remove(prefix); !removed) return removed;
    }
    const auto written = copy_file(file_system_, path, prefix, damage_.position.offset, *size);
    if (!written) return written;
    if (const auto renamed = file_system_.rename(prefix, path); !renamed) return renamed;
    return file_system_.sync_dir(dir_);
  }

  FileSystem& file_system_;
  const std::string& dir_;
  const std::string& aside_;
  const LogDamage& damage_;
};

// What must be said again after the loss; true in `rebase` if the log goes on from the checkpoint.
void add_promises(RecordBatch& batch, const LogContents& contents, const LogDamage& damage,
                  const std::optional<LogBase>& checkpoint, bool rebase) {
  Epoch accepted = std::max(contents.accepted_epoch(), damage.accepted_epoch_behind);
  Epoch current = std::max(contents.current_epoch(), damage.current_epoch_behind);
  if (rebase) {
    current = std::max(current, epoch_of(checkpoint->zxid));
    batch.add(LogRecordKind::kSnapshot, checkpoint->zxid, checkpoint->generation,
              checkpoint->digest);
  }
  accepted = std::max(accepted, current);
  if (accepted > contents.accepted_epoch()) {
    batch.add(LogRecordKind::kAcceptedEpoch, Zxid(), accepted.value(), {});
  }
  if (rebase || current > contents.current_epoch()) {
    batch.add(LogRecordKind::kCurrentEpoch, Zxid(), current.value(), {});
  }
}

IoResult<void> append(Log& log, const RecordBatch& batch) {
  if (batch.records() == 0) return {};
  if (!log.has_room(batch.bytes().size())) {
    if (const auto begun = log.begin_segment(); !begun) return tl::make_unexpected(begun.error());
  }
  const std::string_view piece = batch.bytes();
  if (const auto end = log.append({&piece, 1}); !end) return tl::make_unexpected(end.error());
  return {};
}

}  // namespace

tl::expected<std::optional<LogPosition>, LogOpenError> set_aside_damaged(
    FileSystem& file_system, const std::string& dir, const std::string& aside,
    const LogIdentity& identity, const LogOptions& options, const LogDamage& damage,
    const std::optional<LogBase>& checkpoint) {
  const auto segments = list_segments(file_system, dir);
  if (!segments) return tl::make_unexpected(segments.error());
  LogOptions numbered = options;
  for (const uint64_t number : *segments) {
    numbered.first_new_segment = std::max(numbered.first_new_segment, number + 1);
  }
  if (checkpoint) {
    numbered.first_new_segment =
        std::max(numbered.first_new_segment, checkpoint->position.segment + 1);
  }
  const auto moved = Repair(file_system, dir, aside, damage).move_damaged(*segments);
  if (!moved) return tl::make_unexpected(moved.error());

  const bool kept = damage.begin < damage.position;
  auto log = Log::open(file_system, dir, identity, numbered,
                       kept ? std::optional(damage.begin) : std::nullopt);
  if (!log) return tl::make_unexpected(log.error());
  const LogContents& contents = (*log)->contents();
  const bool rebase = checkpoint && (!kept || checkpoint->zxid > contents.last_zxid() ||
                                     checkpoint->position > (*log)->end());
  if (rebase && (*log)->end().segment <= checkpoint->position.segment) {
    const auto begun = (*log)->begin_segment();
    if (!begun) return tl::make_unexpected(begun.error());
  }
  RecordBatch batch;
  add_promises(batch, contents, damage, checkpoint, rebase);
  if (const auto done = append(**log, batch); !done) return tl::make_unexpected(done.error());
  if (rebase) return (*log)->end();
  if (checkpoint) return checkpoint->position;
  return std::nullopt;
}

}  // namespace topod::storage
