#include "server/zab/digest_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace topod::zab {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DigestBookTest : public testing::Test {
 protected:
  std::vector<ServerId> note(uint32_t server, int64_t zxid, uint64_t digest) {
    const DigestBook::Verdict verdict =
        book_.note(ServerId(server), Zxid(zxid), {7, digest}, quorum_,
                   [&](ServerId voter) { return !away_.contains(voter.value()); });
    is_open_ = verdict.is_open;
    return verdict.differ;
  }

  DigestBook book_;
  Quorum quorum_{{{ServerId(1)}, {ServerId(2)}, {ServerId(3)}}};
  std::set<uint32_t> away_;
  bool is_open_ = false;
};

TEST_F(DigestBookTest, NamesWhoDiffersFromAQuorum) {
  EXPECT_THAT(note(1, 1, 7), IsEmpty());
  EXPECT_THAT(note(2, 1, 8), IsEmpty());
  EXPECT_FALSE(is_open_) << "the third will decide";
  EXPECT_THAT(note(3, 1, 7), ElementsAre(ServerId(2)));
  EXPECT_FALSE(is_open_);
  book_.forget(ServerId(2));
  EXPECT_THAT(note(1, 1, 7), IsEmpty());
}

TEST_F(DigestBookTest, WithoutAQuorumForAnyValueNobodyIsNamedAndTheQuestionIsOpen) {
  note(1, 1, 7);
  note(2, 1, 8);
  EXPECT_THAT(note(3, 1, 9), IsEmpty());
  EXPECT_TRUE(is_open_);
  away_ = {3};
  note(1, 2, 7);
  EXPECT_FALSE(is_open_);
  EXPECT_THAT(note(2, 2, 8), IsEmpty());
  EXPECT_TRUE(is_open_) << "the third is not here to decide";
}

// The others' links are down, which says nothing about their states.
TEST_F(DigestBookTest, WhileNobodyDiffersThereIsNoQuestionWhoeverIsAway) {
  away_ = {2, 3};
  EXPECT_THAT(note(9, 1, 7), IsEmpty());
  EXPECT_FALSE(is_open_);
  note(1, 1, 7);
  EXPECT_FALSE(is_open_);
  note(2, 1, 8);
  EXPECT_TRUE(is_open_);
}

TEST_F(DigestBookTest, ObserversAreComparedAndDoNotCount) {
  EXPECT_THAT(note(1, 1, 7), IsEmpty());
  EXPECT_THAT(note(9, 1, 8), IsEmpty());
  EXPECT_THAT(note(8, 1, 8), IsEmpty());
  EXPECT_THAT(note(2, 1, 7), ElementsAre(ServerId(8), ServerId(9)));
}

// A follower that catches up reports zxids of long ago.
TEST_F(DigestBookTest, AZxidOlderThanAllThatAreKeptIsIgnored) {
  for (int64_t zxid = 1000; zxid < 1200; ++zxid) EXPECT_THAT(note(1, zxid, 7), IsEmpty());
  EXPECT_THAT(note(2, 1, 8), IsEmpty());
  EXPECT_THAT(note(3, 1, 8), IsEmpty());
  EXPECT_THAT(note(2, 1199, 7), IsEmpty());
  EXPECT_THAT(note(3, 1199, 9), ElementsAre(ServerId(3)));
}

}  // namespace
}  // namespace topod::zab
