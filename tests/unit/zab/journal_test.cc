// What a member has promised, and how much of that is on its disk.
#include "server/zab/journal.h"

#include <gtest/gtest.h>

namespace topod::zab {
namespace {

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    Promises logged;
    logged.accepted_epoch = logged.current_epoch = Epoch(3);
    journal_.start(logged);
  }

  Output output_;
  Journal journal_{output_};
};

TEST_F(JournalTest, WhatItWasStartedWithIsOnDisk) {
  EXPECT_EQ(journal_.durable_promises().accepted_epoch, Epoch(3));
  EXPECT_EQ(journal_.durable_promises().current_epoch, Epoch(3));
}

// A follower with a slow disk is synchronised while a checkpoint begins, and the power fails before
// the log is flushed: the checkpoint must not know of an epoch whose history is lost.
TEST_F(JournalTest, AnEpochIsNotTakenForDurableBeforeItsRecordIs) {
  const uint64_t accepted = journal_.accept_epoch(Epoch(4));
  History history;
  journal_.transaction(history.append(make_zxid(Epoch(3), 1), journal_.next_number()));
  const uint64_t current = journal_.set_current_epoch(Epoch(4));
  EXPECT_EQ(journal_.promises().current_epoch, Epoch(4));
  EXPECT_EQ(journal_.durable_promises().accepted_epoch, Epoch(3));

  journal_.durable(accepted);
  EXPECT_EQ(journal_.durable_promises().accepted_epoch, Epoch(4));
  EXPECT_EQ(journal_.durable_promises().current_epoch, Epoch(3));

  journal_.durable(current - 1);
  EXPECT_EQ(journal_.durable_promises().current_epoch, Epoch(3));
  journal_.durable(current);
  EXPECT_EQ(journal_.durable_promises().current_epoch, Epoch(4));
}

TEST_F(JournalTest, EpochsThatBecomeDurableTogetherAreAllSeen) {
  static_cast<void>(journal_.accept_epoch(Epoch(4)));
  static_cast<void>(journal_.set_current_epoch(Epoch(4)));
  const uint64_t last = journal_.accept_epoch(Epoch(5));
  journal_.durable(last);
  EXPECT_EQ(journal_.durable_promises().accepted_epoch, Epoch(5));
  EXPECT_EQ(journal_.durable_promises().current_epoch, Epoch(4));
}

}  // namespace
}  // namespace topod::zab
