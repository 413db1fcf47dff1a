// A log on a simulated disk, filled by hand, for tests of its rules.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/storage/log_workload.h"

namespace topod::storage {

class LogFixture : public testing::Test {
 protected:
  LogFixture() {
    EXPECT_TRUE(disk_.make_dir("/data").has_value());
    EXPECT_TRUE(disk_.sync_dir("/").has_value());
  }

  tl::expected<std::unique_ptr<Log>, LogOpenError> try_open(
      std::optional<LogPosition> from = std::nullopt) {
    log_.reset();
    return Log::open(disk_, kTestDir, kTestIdentity, options_, from);
  }
  void open(std::optional<LogPosition> from = std::nullopt) {
    auto opened = try_open(from);
    if (!opened) {
      const auto* damage = std::get_if<LogDamage>(&opened.error());
      FAIL() << (damage != nullptr ? damage->describe() : "input or output error");
    }
    log_ = std::move(*opened);
  }
  // What is wrong with the log, which must not open.
  LogDamage damage(std::optional<LogPosition> from = std::nullopt) {
    const auto opened = try_open(from);
    const auto* found = opened ? nullptr : std::get_if<LogDamage>(&opened.error());
    EXPECT_NE(found, nullptr) << "the damage was not noticed";
    return found != nullptr ? *found : LogDamage{};
  }
  void power_loss(std::optional<LogPosition> from = std::nullopt) {
    log_.reset();
    disk_.restart();
    open(from);
  }

  void append(const RecordBatch& batch) {
    while (!log_->has_room(batch.bytes().size())) {
      ASSERT_TRUE(log_->prepare_spare(1 << 20).has_value());
    }
    const std::string_view piece = batch.bytes();
    ASSERT_TRUE(log_->append({&piece, 1}).has_value());
  }
  void append(LogRecordKind kind, Zxid zxid, uint64_t number, std::string_view payload = {}) {
    RecordBatch batch;
    batch.add(kind, zxid, number, payload);
    append(batch);
  }
  // One batch with one transaction.
  void append_transaction(int64_t zxid, size_t payload_bytes = 100) {
    append(LogRecordKind::kTransaction, Zxid(zxid),
           static_cast<uint64_t>(log_->contents().last_zxid().value()),
           std::string(payload_bytes, 'x'));
  }
  void append_transactions(int64_t first, int64_t last, size_t payload_bytes = 100) {
    for (int64_t zxid = first; zxid <= last; ++zxid) append_transaction(zxid, payload_bytes);
  }
  void synchronise_by_snapshot(int64_t zxid, uint64_t generation, uint64_t epoch) {
    append(LogRecordKind::kSnapshot, Zxid(zxid), generation, "digest");
    append(LogRecordKind::kCurrentEpoch, Zxid(), epoch);
  }

  LogState state(std::optional<LogPosition> from = std::nullopt) {
    const auto found = recovered_state(disk_, *log_, from);
    EXPECT_TRUE(found.has_value());
    return found ? *found : LogState{};
  }
  std::vector<int64_t> zxids(std::optional<LogPosition> from = std::nullopt) {
    std::vector<int64_t> result;
    for (const LogRecord& record : state(from).transactions) result.push_back(record.zxid.value());
    return result;
  }
  static std::vector<int64_t> range(int64_t first, int64_t last) {
    std::vector<int64_t> result;
    for (int64_t zxid = first; zxid <= last; ++zxid) result.push_back(zxid);
    return result;
  }

  static std::string path(uint64_t segment) { return segment_path(kTestDir, segment); }
  void overwrite(uint64_t segment, uint64_t offset, const std::string& bytes) {
    std::string contents = disk_.contents(path(segment));
    contents.replace(offset, bytes.size(), bytes);
    disk_.set_contents(path(segment), contents);
  }

  SimulatedFileSystem disk_{1};
  LogOptions options_ = small_log_options();
  std::unique_ptr<Log> log_;
};

}  // namespace topod::storage
