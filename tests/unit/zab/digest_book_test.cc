#include "server/zab/digest_book.h"

#include <gtest/gtest.h>

namespace topod::zab {
namespace {

const Quorum kThree({{ServerId(1)}, {ServerId(2)}, {ServerId(3)}});

TEST(DigestBook, NamesWhoDiffersFromAQuorum) {
  DigestBook book;
  EXPECT_TRUE(book.note(ServerId(1), Zxid(1), 7, kThree).empty());
  EXPECT_TRUE(book.note(ServerId(2), Zxid(1), 8, kThree).empty());
  EXPECT_EQ(book.note(ServerId(3), Zxid(1), 7, kThree), std::vector<ServerId>{ServerId(2)});
  book.forget(ServerId(2));
  EXPECT_TRUE(book.note(ServerId(1), Zxid(1), 7, kThree).empty());
}

TEST(DigestBook, ObserversAreComparedAndDoNotCount) {
  DigestBook book;
  EXPECT_TRUE(book.note(ServerId(1), Zxid(1), 7, kThree).empty());
  EXPECT_TRUE(book.note(ServerId(9), Zxid(1), 8, kThree).empty());
  EXPECT_TRUE(book.note(ServerId(8), Zxid(1), 8, kThree).empty());
  EXPECT_EQ(book.note(ServerId(2), Zxid(1), 7, kThree),
            (std::vector<ServerId>{ServerId(8), ServerId(9)}));
}

// A follower that catches up reports zxids of long ago.
TEST(DigestBook, AZxidOlderThanAllThatAreKeptIsIgnored) {
  DigestBook book;
  for (int64_t zxid = 1000; zxid < 1200; ++zxid) {
    EXPECT_TRUE(book.note(ServerId(1), Zxid(zxid), 7, kThree).empty());
  }
  EXPECT_TRUE(book.note(ServerId(2), Zxid(1), 8, kThree).empty());
  EXPECT_TRUE(book.note(ServerId(3), Zxid(1), 8, kThree).empty());
  EXPECT_EQ(book.note(ServerId(2), Zxid(1199), 7, kThree), std::vector<ServerId>{});
  EXPECT_EQ(book.note(ServerId(3), Zxid(1199), 9, kThree), std::vector<ServerId>{ServerId(3)});
}

}  // namespace
}  // namespace topod::zab
