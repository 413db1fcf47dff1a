// What stands on the disk after a fault, and whether it is taken for a torn write or for damage.
#include "storage/log_recovery.h"

#include <cstdlib>

#include "tests/unit/storage/log_fixture.h"

namespace topod::storage {
namespace {

constexpr size_t kSector = limits::kSectorBytes;

class LogRecoveryTest : public LogFixture {
 protected:
  // Three small batches and one of three blocks at the end; returns where the last one begins.
  LogPosition write_and_close() {
    open();
    append_transactions(1, 3);
    const LogPosition last = log_->end();
    append_transaction(4, 9'000);
    end_ = log_->end();
    log_.reset();
    return last;
  }
  void zero_sector(LogPosition begin, uint64_t index) {
    overwrite(begin.segment, begin.offset + index * kSector, std::string(kSector, '\0'));
  }
  LogScan scan(std::optional<LogPosition> from = std::nullopt) {
    const auto result = scan_log(disk_, kTestDir, kTestIdentity, from);
    EXPECT_TRUE(result.has_value());
    return result ? *result : LogScan{};
  }

  LogPosition end_;
};

TEST_F(LogRecoveryTest, ATornTailIsDroppedAndAppendedOver) {
  const LogPosition last = write_and_close();
  zero_sector(last, 5);
  EXPECT_EQ(scan().verdict, LogVerdict::kTornTail);
  open();
  EXPECT_EQ(zxids(), range(1, 3));
  EXPECT_EQ(log_->end(), last);
  append_transactions(4, 6);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 6));
}

TEST_F(LogRecoveryTest, ATornTailIsDroppedWhicheverSectorsAreMissing) {
  const LogPosition last = write_and_close();
  const std::string whole = disk_.contents(path(1));
  const uint64_t sectors = (end_.offset - last.offset) / kSector;
  ASSERT_EQ(sectors, 24U);
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; ++round) {
    disk_.set_contents(path(1), whole);
    uint64_t missing = 0;
    for (uint64_t sector = 0; sector < sectors; ++sector) {
      const bool lose = round < 24 ? sector == static_cast<uint64_t>(round) : random() % 3 == 0;
      if (!lose) continue;
      zero_sector(last, sector);
      ++missing;
    }
    if (missing == 0 || missing == sectors) continue;
    const LogScan found = scan();
    ASSERT_EQ(found.verdict, LogVerdict::kTornTail) << "round " << round;
    ASSERT_EQ(found.end, last);
    ASSERT_EQ(found.contents.last_zxid(), Zxid(3));
  }
}

TEST_F(LogRecoveryTest, ATornHeadOfASegmentIsDropped) {
  open();
  while (log_->end().segment == 1) append_transaction(log_->contents().last_zxid().value() + 1);
  const int64_t last = log_->contents().last_zxid().value() - 1;
  log_.reset();
  // The batch behind the head was not written yet; of the head two sectors are there.
  overwrite(2, 1'024, std::string(options_.segment_bytes - 1'024, '\0'));
  EXPECT_EQ(scan().verdict, LogVerdict::kTornTail);
  open();
  EXPECT_EQ(zxids(), range(1, last));
  append_transactions(last + 1, last + 10);
  power_loss();
  EXPECT_EQ(zxids(), range(1, last + 10));
}

TEST_F(LogRecoveryTest, ACompleteLastBatchWithAWrongHashIsDamage) {
  const LogPosition last = write_and_close();
  disk_.flip(path(1), last.offset + 700, 1);
  const LogDamage found = damage();
  EXPECT_EQ(found.position, last);
  EXPECT_EQ(found.last_good_zxid, Zxid(3));
  EXPECT_EQ(found.batches_behind, 0U);
}

TEST_F(LogRecoveryTest, AChangedHeaderOrStampInTheLastBatchIsDamage) {
  const LogPosition last = write_and_close();
  const std::string whole = disk_.contents(path(1));
  for (uint64_t at = 0; at < kBatchHeaderBytes; ++at) {
    disk_.set_contents(path(1), whole);
    disk_.flip(path(1), last.offset + at, 0x10);
    EXPECT_EQ(scan().verdict, LogVerdict::kDamaged) << "byte " << at;
  }
  disk_.set_contents(path(1), whole);
  disk_.flip(path(1), last.offset + 3 * kSector, 0x10);
  EXPECT_EQ(scan().verdict, LogVerdict::kDamaged);
}

TEST_F(LogRecoveryTest, AMissingSectorBeforeAValidBatchIsDamageAndNotTorn) {
  const LogPosition last = write_and_close();
  const std::string whole = disk_.contents(path(1));
  for (uint64_t offset = 4'096; offset < last.offset; offset += kSector) {
    disk_.set_contents(path(1), whole);
    zero_sector({1, offset}, 0);
    const LogScan found = scan();
    ASSERT_EQ(found.verdict, LogVerdict::kDamaged) << "offset " << offset;
    EXPECT_GE(found.damage->batches_behind, 1U);
    EXPECT_EQ(found.damage->last_zxid_behind, Zxid(4));
  }
}

TEST_F(LogRecoveryTest, ASealMakesALostBatchBeforeItVisible) {
  open();
  append_transactions(1, 3);
  const LogPosition last = log_->end();
  append_transaction(4);
  ASSERT_TRUE(log_->seal().has_value());
  log_.reset();
  overwrite(last.segment, last.offset, std::string(4'096, '\0'));
  const LogDamage found = damage();
  EXPECT_EQ(found.position, last);
  EXPECT_EQ(found.batches_behind, 1U);
}

TEST_F(LogRecoveryTest, ADamagedLogIsLeftAsItIs) {
  const LogPosition last = write_and_close();
  zero_sector({1, last.offset - 4'096}, 0);
  const std::string before = disk_.contents(path(1));
  const uint64_t calls = disk_.calls();
  damage();
  EXPECT_EQ(disk_.contents(path(1)), before);
  EXPECT_EQ(disk_.calls(), calls + 2);  // folder made (it exists) and synced
}

TEST_F(LogRecoveryTest, AMissingSegmentIsDamage) {
  open();
  append_transactions(1, 40);
  ASSERT_GT(log_->end().segment, 3U);
  log_.reset();
  ASSERT_TRUE(disk_.remove(path(2)).has_value());
  const LogDamage found = damage();
  EXPECT_EQ(found.position.segment, 1U);
  EXPECT_EQ(found.last_zxid_behind, Zxid(40));
}

TEST_F(LogRecoveryTest, ALogThatEndsBeforeTheCheckpointIsDamage) {
  open();
  append_transactions(1, 3);
  const LogPosition early = log_->end();
  append_transactions(4, 5);
  const LogPosition checkpoint = log_->end();
  log_.reset();
  overwrite(1, early.offset, std::string(options_.segment_bytes - early.offset, '\0'));
  EXPECT_EQ(damage(checkpoint).last_good_zxid, Zxid(3));
  ASSERT_TRUE(disk_.remove(path(1)).has_value());
  EXPECT_NE(damage(checkpoint).reason.find("missing"), std::string::npos);
}

TEST_F(LogRecoveryTest, AStaleSegmentOfAFormerLifeIsDamage) {
  open();
  append_transactions(1, 40);
  log_.reset();
  disk_.set_contents(path(3), disk_.contents(path(2)));
  EXPECT_EQ(damage().position.segment, 2U);
}

TEST_F(LogRecoveryTest, ABatchWrittenElsewhereIsDamage) {
  open();
  append_transactions(1, 5);
  log_.reset();
  const std::string bytes = disk_.contents(path(1));
  // The write of the third batch went to the place of the second.
  overwrite(1, 2 * 4'096, bytes.substr(3 * 4'096, 4'096));
  EXPECT_EQ(damage().position, (LogPosition{1, 2 * 4'096}));
}

// A batch that was never acknowledged was dropped and another one written in its place; then the
// disk brings the old one back.
TEST_F(LogRecoveryTest, AFormerBatchAtTheSamePlaceIsDamage) {
  open();
  append_transaction(1);
  const LogPosition place = log_->end();
  append_transaction(2, 50);
  log_.reset();
  const std::string former = disk_.contents(path(1)).substr(place.offset, 4'096);
  overwrite(1, place.offset, std::string(4'096, '\0'));
  open();
  append_transaction(2, 60);
  append_transaction(3);
  log_.reset();
  overwrite(1, place.offset, former);
  EXPECT_EQ(damage().position, (LogPosition{1, place.offset + 4'096}));
}

// Bytes as they were written, but what they say is no log: a fault of ours or of the memory.
TEST_F(LogRecoveryTest, ABatchThatDoesNotAddUpIsDamage) {
  open();
  append_transaction(1);
  const LogPosition place = log_->end();
  log_.reset();
  const LogScan before = scan();
  RecordBatch batch;
  batch.add(LogRecordKind::kTransaction, Zxid(2), 1, "payload");
  const std::string good(batch.bytes());
  const auto put = [&](const std::string& records, uint32_t count, int64_t last_zxid) {
    BatchBuilder builder(kTestIdentity);
    BatchHeader header;
    header.segment = place.segment;
    header.offset = static_cast<uint32_t>(place.offset);
    header.record_count = count;
    header.last_zxid = last_zxid;
    header.previous_hash = before.end_hash;
    builder.begin(records.size());
    builder.add(records);
    const auto bytes = builder.finish(header);
    overwrite(1, place.offset, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return scan();
  };
  EXPECT_EQ(put(good, 1, 2).verdict, LogVerdict::kClean);
  EXPECT_EQ(put(good, 1, 3).verdict, LogVerdict::kDamaged);
  EXPECT_EQ(put(good, 2, 2).verdict, LogVerdict::kDamaged);
  EXPECT_EQ(put(good + "x", 1, 2).verdict, LogVerdict::kDamaged);
  EXPECT_EQ(put(good + good, 2, 2).verdict, LogVerdict::kDamaged);
}

TEST_F(LogRecoveryTest, AWriteThatTheDiskLostIsDamage) {
  open();
  append_transactions(1, 5);
  log_.reset();
  overwrite(1, 3 * 4'096, std::string(4'096, '\0'));
  const LogDamage found = damage();
  EXPECT_EQ(found.last_good_zxid, Zxid(2));
  EXPECT_EQ(found.batches_behind, 2U);
}

TEST_F(LogRecoveryTest, AnUnreadableSectorIsDamageAndWhatIsBehindItIsStillCounted) {
  open();
  append_transactions(1, 5);
  log_.reset();
  disk_.make_unreadable(path(1), 2 * 4'096 / kSector);
  const LogDamage found = damage();
  EXPECT_EQ(found.position, (LogPosition{1, 2 * 4'096}));
  EXPECT_EQ(found.batches_behind, 3U);
  EXPECT_EQ(found.first_zxid_behind, Zxid(3));
}

TEST_F(LogRecoveryTest, ALogOfAnotherServerIsNotRead) {
  write_and_close();
  const LogIdentity other{kTestIdentity.instance, ServerId(2)};
  const auto found = scan_log(disk_, kTestDir, other, std::nullopt);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->verdict, LogVerdict::kDamaged);
  EXPECT_EQ(found->batches, 0U);
}

TEST_F(LogRecoveryTest, ASegmentOfAWrongSizeIsDamage) {
  write_and_close();
  const std::string whole = disk_.contents(path(1));
  disk_.set_contents(path(1), whole.substr(0, 5'000));
  EXPECT_NE(damage().reason.find("size"), std::string::npos);
  disk_.set_contents(path(1), whole.substr(0, 3 * 4'096));  // inside the third batch's place
  EXPECT_EQ(scan().contents.last_zxid(), Zxid(2));
}

TEST_F(LogRecoveryTest, PromisesBehindTheDamageAreStillKnown) {
  open();
  append_transactions(1, 2);
  append(LogRecordKind::kAcceptedEpoch, Zxid(), 7);
  append(LogRecordKind::kCurrentEpoch, Zxid(), 6);
  log_.reset();
  disk_.flip(path(1), 2 * 4'096 + 100, 1);
  const LogDamage found = damage();
  EXPECT_EQ(found.accepted_epoch_behind, Epoch(7));
  EXPECT_EQ(found.current_epoch_behind, Epoch(6));
  EXPECT_NE(found.describe().find("Transactions after 0x1 that"), std::string::npos)
      << found.describe();
}

TEST_F(LogRecoveryTest, ScanningChangesNothing) {
  const LogPosition last = write_and_close();
  zero_sector(last, 1);
  const std::string before = disk_.contents(path(1));
  const uint64_t calls = disk_.calls();
  scan();
  EXPECT_EQ(disk_.contents(path(1)), before);
  EXPECT_EQ(disk_.calls(), calls);
}

// Every byte of a sealed log, one after the other: damage is noticed, or the same is read.
TEST_F(LogRecoveryTest, AChangedByteIsNoticedOrHarmless) {
  options_.segment_bytes = 65'536;
  open();
  append(LogRecordKind::kFounding, Zxid(), 0, "founding");
  append(LogRecordKind::kAcceptedEpoch, Zxid(), 3);
  append(LogRecordKind::kCurrentEpoch, Zxid(), 3);
  append_transactions(1, 18, 1'000);
  append(LogRecordKind::kTruncate, Zxid(15), 0);
  append_transactions(16, 17, 6'000);
  append(LogRecordKind::kCommitted, Zxid(16), 0);
  ASSERT_TRUE(log_->seal().has_value());
  const uint64_t segments = log_->end().segment;
  ASSERT_EQ(segments, 2U);
  const LogPosition end = log_->end();
  power_loss();
  const LogState expected = state();
  ASSERT_EQ(expected.transactions.size(), 17U);
  log_.reset();

  const bool full = std::getenv("FULL") != nullptr;
  uint64_t noticed = 0;
  uint64_t harmless = 0;
  for (uint64_t segment = 1; segment <= segments; ++segment) {
    for (uint64_t offset = 0; offset < options_.segment_bytes; ++offset) {
      // All bytes of headers and stamps; every 13th of the rest unless FULL.
      if (!full && offset % kSector >= kBatchHeaderBytes && offset % 13 != 0) continue;
      const auto mask = static_cast<uint8_t>(1 << (offset % 8));
      disk_.flip(path(segment), offset, mask);
      const LogScan found = scan();
      if (found.verdict == LogVerdict::kDamaged) {
        ++noticed;
      } else {
        ++harmless;
        ASSERT_EQ(found.contents.last_zxid(), expected.last_zxid);
        ASSERT_EQ(found.contents.accepted_epoch(), expected.accepted_epoch);
        ASSERT_EQ(found.contents.committed(), expected.committed);
        ASSERT_GE(found.end.to_string() == end.to_string() ? found.batches : found.batches + 1,
                  24U);
        LogReader reader(disk_, kTestDir, kTestIdentity, found, found.begin);
        for (const LogRecord& record : expected.transactions) {
          const auto read = reader.next();
          ASSERT_TRUE(read.has_value() && *read != nullptr) << segment << " " << offset;
          ASSERT_EQ((*read)->zxid, record.zxid);
          ASSERT_EQ((*read)->payload, record.payload);
        }
        const auto nothing = reader.next();
        ASSERT_TRUE(nothing.has_value() && *nothing == nullptr);
      }
      disk_.flip(path(segment), offset, mask);
    }
  }
  EXPECT_GT(noticed, 10'000U);
  EXPECT_GT(harmless, 1'000U);  // the unused rest of the last segment
}

}  // namespace
}  // namespace topod::storage
