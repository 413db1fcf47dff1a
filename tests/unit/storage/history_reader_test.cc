#include "storage/history_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>

#include "storage/history_thread.h"
#include "tests/unit/storage/log_fixture.h"

namespace topod::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kMany = size_t{1} << 30;

class HistoryReaderTest : public LogFixture {
 protected:
  HistoryReaderTest() { open(); }

  HistoryRequest request(int64_t after, int64_t through, size_t max_bytes = kMany) {
    return {LinkId(1), Zxid(after), Zxid(through), max_bytes, log_->end(), revision_};
  }
  HistoryAnswer read(int64_t after, int64_t through, size_t max_bytes = kMany) {
    return reader_.read(request(after, through, max_bytes));
  }
  static std::vector<int64_t> zxids_of(const HistoryAnswer& answer) {
    std::vector<int64_t> result;
    for (const LogRecord& record : answer.transactions) result.push_back(record.zxid.value());
    return result;
  }
  // A truncation as the log's owner makes it.
  void truncate(int64_t zxid) {
    append(LogRecordKind::kTruncate, Zxid(zxid), 0);
    ++revision_;
  }

  HistoryReader reader_{disk_, kTestDir, kTestIdentity};
  uint64_t revision_ = 0;
};

TEST_F(HistoryReaderTest, WhatFollowsComesInOrderWithItsPredecessors) {
  append_transactions(1, 20);
  const HistoryAnswer answer = read(5, 12);
  EXPECT_EQ(zxids_of(answer), range(6, 12));
  int64_t before = 5;
  for (const LogRecord& record : answer.transactions) {
    EXPECT_EQ(record.number, static_cast<uint64_t>(before));
    EXPECT_EQ(record.payload, std::string(100, 'x'));
    before = record.zxid.value();
  }
}

TEST_F(HistoryReaderTest, AnAnswerEndsBehindTheTransactionThatFillsIt) {
  append_transactions(1, 20);
  EXPECT_EQ(zxids_of(read(0, 20, 250)), range(1, 3));
  EXPECT_EQ(zxids_of(read(3, 20, 1)), range(4, 4));
  EXPECT_EQ(zxids_of(read(4, 20)), range(5, 20));
}

TEST_F(HistoryReaderTest, ThroughMayLieBetweenTwoTransactions) {
  append_transaction(10);
  append_transaction(20);
  append_transaction(30);
  EXPECT_THAT(zxids_of(read(0, 25)), ElementsAre(10, 20));
  EXPECT_THAT(zxids_of(read(20, 30)), ElementsAre(30));
}

TEST_F(HistoryReaderTest, ReadingGoesOnIntoWhatWasWrittenMeanwhile) {
  append_transactions(1, 10);
  EXPECT_EQ(zxids_of(read(0, 100)), range(1, 10));
  append_transactions(11, 300);  // several segments further
  EXPECT_EQ(zxids_of(read(10, 300, 5'000)), range(11, 60));
  EXPECT_EQ(zxids_of(read(60, 300)), range(61, 300));
}

TEST_F(HistoryReaderTest, TheSameIsReadAgainWhenAskedAgain) {
  append_transactions(1, 200);
  EXPECT_EQ(zxids_of(read(0, 200)), range(1, 200));
  EXPECT_EQ(zxids_of(read(150, 200)), range(151, 200));
  EXPECT_EQ(zxids_of(read(20, 30)), range(21, 30));
}

// ClickHouse 112101: a truncation across segments.
TEST_F(HistoryReaderTest, WhatWasCutNeverComesBack) {
  append_transactions(1, 50);
  append(LogRecordKind::kTruncate, Zxid(30), 0);
  append_transactions(100, 150);
  append(LogRecordKind::kTruncate, Zxid(120), 0);
  append_transactions(200, 210);
  std::vector<int64_t> expected = range(26, 30);
  for (const auto& part : {range(100, 120), range(200, 210)}) {
    expected.insert(expected.end(), part.begin(), part.end());
  }
  EXPECT_EQ(zxids_of(read(25, 300)), expected);
}

TEST_F(HistoryReaderTest, ATruncationAfterTheFirstRequestCounts) {
  append_transactions(1, 50);
  EXPECT_EQ(zxids_of(read(0, 50, 1'000)), range(1, 10));
  truncate(20);
  append_transactions(60, 70);
  std::vector<int64_t> expected = range(11, 20);
  for (const int64_t zxid : range(60, 70)) expected.push_back(zxid);
  EXPECT_EQ(zxids_of(read(10, 70)), expected);
}

TEST_F(HistoryReaderTest, WhoFollowsWhatWasCutGetsNothing) {
  append_transactions(1, 50);
  truncate(30);
  append_transactions(100, 110);
  const HistoryAnswer answer = read(40, 110);
  EXPECT_THAT(answer.transactions, IsEmpty());
  EXPECT_THAT(answer.why, HasSubstr("0x64 follows 0x1e and not 0x28"));
}

TEST_F(HistoryReaderTest, BehindAnInstalledSnapshotHistoryIsGone) {
  append_transactions(1, 50);
  synchronise_by_snapshot(100, 2, 1);
  ++revision_;
  append_transactions(101, 110);
  EXPECT_THAT(read(20, 110).transactions, IsEmpty());
  EXPECT_EQ(zxids_of(read(100, 110)), range(101, 110));
}

TEST_F(HistoryReaderTest, WhatRetentionTookAwayIsGone) {
  append_transactions(1, 1'000);
  const HistoryAnswer first = read(0, 1'000, 100);
  ASSERT_EQ(zxids_of(first), range(1, 1));
  ASSERT_TRUE(log_->trim(first.needed).has_value());
  EXPECT_EQ(zxids_of(read(1, 1'000, 100)), range(2, 2)) << "what is needed was kept";
  ASSERT_TRUE(log_->trim(log_->end()).has_value());
  const HistoryAnswer answer = read(300, 1'000);
  EXPECT_THAT(answer.transactions, IsEmpty());
  EXPECT_THAT(answer.why, HasSubstr("no longer reaches back"));
  EXPECT_EQ(zxids_of(read(998, 1'000)), range(999, 1'000));
}

TEST_F(HistoryReaderTest, EachLinkGoesOnWhereItsOwnEnded) {
  append_transactions(1, 100);
  HistoryRequest other = request(50, 100, 1'000);
  other.link = LinkId(2);
  EXPECT_EQ(zxids_of(read(0, 100, 1'000)), range(1, 10));
  EXPECT_EQ(zxids_of(reader_.read(other)), range(51, 60));
  EXPECT_EQ(zxids_of(read(10, 100, 1'000)), range(11, 20));
  other.after = Zxid(60);
  EXPECT_EQ(zxids_of(reader_.read(other)), range(61, 70));
}

TEST_F(HistoryReaderTest, NothingFollowsTheEnd) {
  append_transactions(1, 3);
  EXPECT_THAT(read(3, 10).why, HasSubstr("nothing in the log follows 0x3"));
  EXPECT_THAT(read(7, 10).transactions, IsEmpty());
}

TEST_F(HistoryReaderTest, HistoryBeginsWhereTheOldestSegmentDoes) {
  const auto begin = [&] {
    open(log_->end());  // a restart that reads only from a checkpoint on
    return history_begin(disk_, kTestDir, kTestIdentity, log_->recovered()).value();
  };
  EXPECT_EQ(begin(), 0);
  append_transactions(1, 1'000);
  EXPECT_EQ(begin(), 0);
  ASSERT_TRUE(log_->trim({log_->end().segment - 1, 0}).has_value());
  const int64_t kept_after = begin();
  EXPECT_GT(kept_after, 0);
  EXPECT_LT(kept_after, 1'000);
  EXPECT_EQ(zxids_of(read(kept_after, 1'000)), range(kept_after + 1, 1'000));
  EXPECT_THAT(read(kept_after - 1, 1'000).transactions, IsEmpty());
  append(LogRecordKind::kSnapshot, Zxid(2'000), 2, "digest");
  ASSERT_TRUE(log_->begin_segment().has_value());
  append(LogRecordKind::kCurrentEpoch, Zxid(), 1);
  EXPECT_EQ(begin(), 2'000);
  append_transactions(2'001, 3'000);
  EXPECT_EQ(begin(), 2'000);
  ASSERT_TRUE(log_->trim(log_->end()).has_value());
  EXPECT_GT(begin(), 2'000);
}

// Random histories of appends, truncations and snapshots: what is read is what a restart would
// find, whatever the requests.
TEST(HistoryReaderModel, WhatIsReadIsWhatStillStands) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimulatedFileSystem disk(seed);
    ASSERT_TRUE(disk.make_dir("/data") && disk.sync_dir("/"));
    LogWorkload workload(seed);
    ASSERT_TRUE(workload.open(disk));
    HistoryReader reader(disk, kTestDir, kTestIdentity);
    std::mt19937_64 random(seed);
    for (uint64_t round = 1; round <= 10; ++round) {
      workload.run(10);
      std::vector<LogRecord> standing = workload.acknowledged().transactions;
      if (standing.empty()) continue;
      const LogRecord& first = standing[random() % standing.size()];
      const HistoryRequest request{LinkId(round % 3),    Zxid(static_cast<int64_t>(first.number)),
                                   standing.back().zxid, random() % 20'000,
                                   workload.log().end(), round};
      const HistoryAnswer answer = reader.read(request);
      if (answer.transactions.empty()) continue;  // trimmed
      std::erase_if(standing, [&](const LogRecord& r) { return r.zxid <= request.after; });
      ASSERT_LE(answer.transactions.size(), standing.size());
      standing.resize(answer.transactions.size());
      EXPECT_EQ(answer.transactions, standing);
    }
  }
}

TEST(HistoryThread, AnswersComeFromTheThread) {
  SimulatedFileSystem disk(1);
  ASSERT_TRUE(disk.make_dir("/data") && disk.sync_dir("/"));
  LogWorkload workload(3);
  ASSERT_TRUE(workload.open(disk));
  workload.run(20);
  std::mutex mutex;
  std::condition_variable changed;
  std::set<uint64_t> answered;
  HistoryThread thread(HistoryReader(disk, kTestDir, kTestIdentity),
                       [&](const HistoryRequest& request, const HistoryAnswer&) {
                         const std::lock_guard lock(mutex);
                         answered.insert(request.link.value());
                         changed.notify_all();
                       });
  for (uint64_t link = 1; link <= 20; ++link) {
    thread.submit({LinkId(link), Zxid(), workload.log().contents().last_zxid(), 1'000,
                   workload.log().end(), 0});
  }
  std::unique_lock lock(mutex);
  EXPECT_TRUE(
      changed.wait_for(lock, std::chrono::seconds(30), [&] { return answered.size() == 20; }));
}

}  // namespace
}  // namespace topod::storage
