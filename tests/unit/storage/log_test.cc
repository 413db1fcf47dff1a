#include "storage/log.h"

#include <cerrno>

#include "tests/unit/storage/log_fixture.h"

namespace topod::storage {
namespace {

class LogTest : public LogFixture {};

TEST_F(LogTest, AFreshLogIsEmptyAndReady) {
  open();
  EXPECT_EQ(log_->recovered().batches, 0U);
  EXPECT_EQ(log_->contents().last_zxid(), Zxid());
  EXPECT_TRUE(log_->has_room(1'000));
  EXPECT_EQ(zxids(), range(1, 0));
}

TEST_F(LogTest, ARecordWithoutRoomNeverReachesTheDisk) {
  open();
  EXPECT_FALSE(log_->has_room(64'000));
}

TEST_F(LogTest, WhatWasAppendedComesBackInOrderAfterAPowerLoss) {
  open();
  append_transactions(1, 40);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 40));
  append_transactions(41, 80);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 80));
}

TEST_F(LogTest, ReadingFromACheckpointLeavesOutWhatIsBeforeIt) {
  open();
  append_transactions(1, 5);
  const LogPosition checkpoint = log_->end();
  append_transactions(6, 30);
  power_loss(checkpoint);
  EXPECT_EQ(zxids(checkpoint), range(6, 30));
}

TEST_F(LogTest, APowerLossInAWriteNeverDamagesTheBatchBefore) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SimulatedFileSystem disk(seed);
    ASSERT_TRUE(disk.make_dir("/data") && disk.sync_dir("/"));
    auto log = Log::open(disk, kTestDir, kTestIdentity, options_, std::nullopt);
    ASSERT_TRUE(log.has_value());
    RecordBatch batch;
    batch.add(LogRecordKind::kTransaction, Zxid(1), 0, "first");
    std::string_view piece = batch.bytes();
    ASSERT_TRUE((*log)->append({&piece, 1}));
    batch.clear();
    batch.add(LogRecordKind::kTransaction, Zxid(2), 1, std::string(9'000, 'b'));
    piece = batch.bytes();
    disk.crash_at_call(disk.calls() + 1, CallPhase::kDuring);
    ASSERT_FALSE((*log)->append({&piece, 1}));
    log->reset();
    disk.restart();
    const auto scan = scan_log(disk, kTestDir, kTestIdentity, std::nullopt);
    ASSERT_TRUE(scan.has_value());
    ASSERT_FALSE(scan->damage.has_value()) << scan->damage->describe();
    ASSERT_GE(scan->contents.last_zxid(), Zxid(1));
  }
}

TEST_F(LogTest, EverySegmentRepeatsThePromises) {
  open();
  append(LogRecordKind::kFounding, Zxid(), 0, "founding");
  append(LogRecordKind::kAcceptedEpoch, Zxid(), 5);
  append(LogRecordKind::kCurrentEpoch, Zxid(), 4);
  append_transactions(1, 3);
  append(LogRecordKind::kCommitted, Zxid(2), 0);
  synchronise_by_snapshot(10, 7, 5);
  append_transactions(11, 30);
  const LogPosition end = log_->end();
  ASSERT_GT(end.segment, 2U);
  ASSERT_TRUE(log_->trim(end).has_value());
  power_loss(end);
  ASSERT_EQ(log_->begin().segment, end.segment);
  const LogState found = state(end);
  EXPECT_EQ(found.accepted_epoch, Epoch(5));
  EXPECT_EQ(found.current_epoch, Epoch(5));
  EXPECT_EQ(found.committed, Zxid(2));
  EXPECT_EQ(found.founding, "founding");
  EXPECT_EQ(found.generation, 7U);
  EXPECT_EQ(found.last_zxid, Zxid(30));
}

TEST_F(LogTest, ATruncationCutsTransactionsAndNothingElse) {
  open();
  append_transactions(1, 10);
  append(LogRecordKind::kAcceptedEpoch, Zxid(), 9);
  append(LogRecordKind::kTruncate, Zxid(4), 0);
  EXPECT_EQ(log_->contents().last_zxid(), Zxid(4));
  append_transaction(100);
  power_loss();
  EXPECT_EQ(zxids(), (std::vector<int64_t>{1, 2, 3, 4, 100}));
  EXPECT_EQ(state().accepted_epoch, Epoch(9));
}

TEST_F(LogTest, ATruncationReachesBackOverSegments) {
  open();
  append_transactions(1, 30);
  ASSERT_GT(log_->end().segment, 3U);
  append(LogRecordKind::kTruncate, Zxid(2), 0);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 2));
}

TEST_F(LogTest, ASnapshotHoldsOnlyWithTheEpochThatEndsItsSynchronisation) {
  open();
  append_transactions(1, 5);
  append(LogRecordKind::kSnapshot, Zxid(50), 3, "digest");
  append_transaction(51);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 5));
  EXPECT_EQ(state().generation, 0U);
  EXPECT_EQ(log_->contents().last_zxid(), Zxid(5));
  // What comes later does not bring it back.
  append_transaction(6);
  append(LogRecordKind::kCurrentEpoch, Zxid(), 2);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 6));
  EXPECT_EQ(state().generation, 0U);
}

TEST_F(LogTest, TheHeadOfASegmentDoesNotEndASynchronisation) {
  open();
  append(LogRecordKind::kCurrentEpoch, Zxid(), 1);
  append_transactions(1, 2);
  append(LogRecordKind::kSnapshot, Zxid(50), 3, "digest");
  append_transactions(51, 70);
  ASSERT_GT(log_->end().segment, 2U);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 2));
}

TEST_F(LogTest, ASnapshotThatHoldsVoidsTheLogBeforeIt) {
  open();
  append_transactions(1, 5);
  synchronise_by_snapshot(3, 8, 2);  // below our last: our 4 and 5 were never committed
  append_transaction(4);
  power_loss();
  EXPECT_EQ(zxids(), range(4, 4));
  const auto& snapshot = log_->contents().snapshot();
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->zxid, Zxid(3));
  EXPECT_EQ(snapshot->generation, 8U);
  EXPECT_EQ(snapshot->digest, "digest");
}

TEST_F(LogTest, WhatFollowedAnAbandonedSnapshotIsGoneEvenBelowTheOldEnd) {
  open();
  append_transactions(1, 9);
  append(LogRecordKind::kSnapshot, Zxid(3), 8, "digest");
  append_transactions(4, 6);
  append(LogRecordKind::kTruncate, Zxid(9), 0);  // the synchronisation failed
  append_transaction(10);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 10));
}

TEST_F(LogTest, AnAbandonedSnapshotKeepsItsSegmentFromRetentionWhileItIsPending) {
  open();
  append_transactions(1, 2);
  append(LogRecordKind::kSnapshot, Zxid(50), 3, "digest");
  const LogPosition at = log_->end();
  append_transactions(51, 70);
  ASSERT_GT(log_->end().segment, at.segment + 1);
  ASSERT_TRUE(log_->trim(log_->end()).has_value());
  EXPECT_EQ(log_->begin().segment, at.segment);
}

TEST_F(LogTest, ASealProvesTheBatchBeforeAndIsWrittenOnce) {
  open();
  append_transaction(1);
  const LogPosition before = log_->end();
  ASSERT_TRUE(log_->seal().has_value());
  const LogPosition sealed = log_->end();
  EXPECT_GT(sealed, before);
  ASSERT_TRUE(log_->seal().has_value());
  EXPECT_EQ(log_->end(), sealed);
  power_loss();
  EXPECT_TRUE(log_->recovered().sealed);
  ASSERT_TRUE(log_->seal().has_value());
  EXPECT_EQ(log_->end(), sealed);
}

TEST_F(LogTest, RetentionKeepsWhatTheOptionsSay) {
  options_.retain_bytes = 3 * options_.segment_bytes;
  open();
  append_transactions(1, 60);
  const uint64_t last = log_->end().segment;
  ASSERT_GT(last, 6U);
  ASSERT_TRUE(log_->trim(log_->end()).has_value());
  EXPECT_EQ(log_->begin().segment, last - 2);
  EXPECT_EQ(log_->retained_bytes(), 3 * options_.segment_bytes);
}

TEST_F(LogTest, RetentionKeepsWhatARestartNeeds) {
  open();
  append_transactions(1, 10);
  const LogPosition checkpoint = log_->end();
  append_transactions(11, 60);
  ASSERT_TRUE(log_->trim(checkpoint).has_value());
  EXPECT_EQ(log_->begin().segment, checkpoint.segment);
  power_loss(checkpoint);
  EXPECT_EQ(zxids(checkpoint), range(11, 60));
}

TEST_F(LogTest, ASegmentThatIsUsedAgainHoldsNothingOfItsFormerLife) {
  open();
  append_transactions(1, 30);
  ASSERT_TRUE(log_->trim(log_->end()).has_value());
  ASSERT_TRUE(disk_.exists(kTestDir + "/" + std::string(kSpareName)).value());
  const LogPosition checkpoint = log_->end();
  while (!log_->prepare_spare(8'192).value()) {
  }
  EXPECT_FALSE(disk_.exists(kTestDir + "/" + std::string(kSpareName)).value());
  const std::string spare = disk_.contents(path(checkpoint.segment + 1));
  EXPECT_EQ(spare, std::string(options_.segment_bytes, '\0'));
  append_transactions(31, 60);
  power_loss(checkpoint);
  EXPECT_EQ(zxids(checkpoint), range(31, 60));
}

TEST_F(LogTest, AFullDiskIsNoticedWhilePreparingAndPassesWhenThereIsSpace) {
  open();
  disk_.set_capacity(options_.segment_bytes);
  const auto refused = log_->prepare_spare(4'096);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().no_space());
  EXPECT_FALSE(disk_.exists(kTestDir + "/" + std::string(kSpareName)).value());
  append_transactions(1, 5);  // prepared space is not affected
  disk_.set_capacity(10 * options_.segment_bytes);
  while (!log_->prepare_spare(4'096).value()) {
  }
  append_transactions(6, 20);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 20));
}

TEST_F(LogTest, OnAFullDiskRetentionGivesWay) {
  options_.retain_bytes = 100 * options_.segment_bytes;
  open();
  append_transactions(1, 30);
  const LogPosition checkpoint = log_->end();
  ASSERT_TRUE(log_->trim(checkpoint).has_value());
  ASSERT_EQ(log_->begin().segment, 1U);
  disk_.set_capacity(log_->retained_bytes());
  append_transactions(31, 60);
  EXPECT_GT(log_->begin().segment, 1U);
  EXPECT_LE(log_->begin().segment, checkpoint.segment);
  power_loss(checkpoint);
  EXPECT_EQ(zxids(checkpoint), range(31, 60));
}

TEST_F(LogTest, OnAFullDiskWhatARestartNeedsIsKept) {
  options_.retain_bytes = 100 * options_.segment_bytes;
  open();
  append_transactions(1, 5);
  const LogPosition checkpoint = log_->end();
  append_transactions(6, 30);
  ASSERT_TRUE(log_->trim(checkpoint).has_value());
  disk_.set_capacity(log_->retained_bytes());
  const auto refused = log_->prepare_spare(1 << 20);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().no_space());
  power_loss(checkpoint);
  EXPECT_EQ(zxids(checkpoint), range(6, 30));
}

TEST_F(LogTest, PreparingIsLateWhenLessIsPreparedThanUsed) {
  open();
  EXPECT_FALSE(log_->preparation_is_late());
  append_transactions(1, 4);
  EXPECT_TRUE(log_->preparation_is_late());
  while (!log_->prepare_spare(4'096).value()) {
  }
  EXPECT_FALSE(log_->preparation_is_late());
}

TEST_F(LogTest, TheNextSegmentIsReadyUntilItIsEntered) {
  open();
  while (!log_->prepare_spare(4'096).value()) EXPECT_FALSE(log_->spare_ready());
  EXPECT_TRUE(log_->spare_ready());
  append_transactions(1, 1);
  EXPECT_TRUE(log_->spare_ready());
  append_transactions(2, 20);
  ASSERT_GT(log_->end().segment, 1U);
  EXPECT_FALSE(log_->spare_ready());
}

TEST_F(LogTest, AChangedSegmentSizeIsMetByTheNextSegment) {
  open();
  append_transactions(1, 4);
  options_.segment_bytes = 65'536;
  power_loss();
  append_transactions(5, 40);
  power_loss();
  EXPECT_EQ(zxids(), range(1, 40));
  EXPECT_EQ(disk_.contents(path(log_->end().segment)).size(), 65'536U);
}

TEST_F(LogTest, SeveralPiecesBecomeOneBatch) {
  open();
  RecordBatch first;
  RecordBatch second;
  first.add(LogRecordKind::kTransaction, Zxid(1), 0, std::string(700, 'a'));
  second.add(LogRecordKind::kTransaction, Zxid(2), 1, std::string(900, 'b'));
  const std::array<std::string_view, 2> pieces{first.bytes(), second.bytes()};
  const LogPosition begin = log_->end();
  ASSERT_TRUE(log_->append(pieces).has_value());
  EXPECT_EQ(log_->end().offset - begin.offset, 2 * 4'096U);  // the head of the segment and this
  power_loss();
  EXPECT_EQ(zxids(), range(1, 2));
  EXPECT_EQ(state().transactions[1].payload, std::string(900, 'b'));
}

TEST_F(LogTest, HistoryIsReadWhileTheLogIsWrittenOn) {
  open();
  append_transactions(1, 20);
  append(LogRecordKind::kTruncate, Zxid(15), 0);
  append_transactions(16, 25);
  const LogPosition end = log_->end();
  auto reader = LogReader::open(disk_, kTestDir, kTestIdentity, log_->begin(), end);
  ASSERT_TRUE(reader.has_value()) << reader.error();
  append_transactions(26, 60);
  std::vector<int64_t> read;
  while (true) {
    const auto record = reader->next();
    ASSERT_TRUE(record.has_value()) << record.error();
    if (*record == nullptr) break;
    read.push_back((*record)->zxid.value());
  }
  EXPECT_EQ(read, range(1, 25));
}

TEST_F(LogTest, HistoryThatRetentionTookAwayIsAnErrorAndNotAGap) {
  open();
  append_transactions(1, 40);
  const LogPosition begin = log_->begin();
  auto reader = LogReader::open(disk_, kTestDir, kTestIdentity, begin, log_->end());
  ASSERT_TRUE(reader.has_value());
  ASSERT_TRUE(log_->trim(log_->end()).has_value());
  std::vector<int64_t> read;
  tl::expected<const LogRecordView*, std::string> record = reader->next();
  for (; record.has_value() && *record != nullptr; record = reader->next()) {
    read.push_back((*record)->zxid.value());
  }
  EXPECT_FALSE(record.has_value());
  EXPECT_EQ(read, range(1, static_cast<int64_t>(read.size())));
  EXPECT_FALSE(LogReader::open(disk_, kTestDir, kTestIdentity, begin, log_->end()).has_value());
}

using LogDeathTest = LogTest;

TEST_F(LogDeathTest, AGapBetweenZxidsIsNeverWritten) {
  open();
  append_transaction(1);
  EXPECT_DEATH(append(LogRecordKind::kTransaction, Zxid(3), 2), "predecessor");
  EXPECT_DEATH(append(LogRecordKind::kTransaction, Zxid(1), 1), "not above");
}

TEST_F(LogDeathTest, AfterAFailedWriteTheLogIsNotUsedAgain) {
  open();
  append_transaction(1);
  disk_.fail_call(disk_.calls() + 1, EIO);
  RecordBatch batch;
  batch.add(LogRecordKind::kTransaction, Zxid(2), 1, "x");
  const std::string_view piece = batch.bytes();
  const auto result = log_->append({&piece, 1});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, EIO);
  EXPECT_DEATH(append_transaction(3), "after an error");
}

}  // namespace
}  // namespace topod::storage
