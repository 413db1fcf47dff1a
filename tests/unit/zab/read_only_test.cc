// A server that has lost the quorum goes on serving reads to who allows it.
#include <gtest/gtest.h>

#include "tests/unit/zab/ensemble_driver.h"

namespace topod::zab {
namespace {

using Client = EnsembleDriver::Client;

TEST(ReadOnly, WithoutAQuorumOnlyWhoAllowsItIsServedAndOnlyReads) {
  EnsembleDriver::Options options;
  options.read_only = true;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  Client& writer = ensemble.connect(1);
  ensemble.run();
  ensemble.create(writer, 1, "/seen");
  ensemble.run();
  ensemble.crash(2);
  ensemble.crash(3);
  ensemble.advance(5'000);
  EXPECT_TRUE(writer.closed);
  Client& refused = ensemble.connect(1);
  ensemble.run();
  EXPECT_TRUE(refused.closed);
  Client& reader = ensemble.connect_read_only(1);
  ensemble.run();
  ASSERT_TRUE(reader.connected);
  ensemble.create(reader, 1, "/no");
  ensemble.sync(reader, 2);
  ensemble.run();
  ASSERT_EQ(reader.answers.size(), 2u);
  EXPECT_EQ(reader.answers[0].error, ErrorCode::kNotReadOnly);
  EXPECT_EQ(reader.answers[1].error, ErrorCode::kNotReadOnly);
  ensemble.start(2);
  ASSERT_TRUE(ensemble.await_agreement());
  EXPECT_TRUE(reader.closed);
  EXPECT_EQ(reader.reason, CloseReason::kReadOnlyEnds);
}

TEST(ReadOnly, NobodyIsShownWhatIsOlderThanWhatHeHasSeen) {
  EnsembleDriver::Options options;
  options.read_only = true;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  ensemble.crash(2);
  ensemble.crash(3);
  ensemble.advance(5'000);
  const Zxid applied = ensemble.replica(1).state().applied;
  Client& ahead = ensemble.connect_read_only(1, Zxid(applied.value() + 1));
  Client& level = ensemble.connect_read_only(1, applied);
  ensemble.run();
  EXPECT_TRUE(ahead.closed);
  EXPECT_EQ(ahead.reason, CloseReason::kZxidAhead);
  EXPECT_TRUE(level.connected);
}

TEST(ReadOnly, ASessionOfTheEnsembleIsNotTakenUpAndNotDeclaredDead) {
  EnsembleDriver::Options options;
  options.read_only = true;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  Client& before = ensemble.connect(1, 60'000);
  ensemble.run();
  ensemble.crash(2);
  ensemble.crash(3);
  ensemble.advance(5'000);
  Client& after = ensemble.reconnect(1, before, 60'000, true);
  ensemble.run();
  EXPECT_TRUE(after.closed);
  EXPECT_FALSE(after.refused) << "it may live on where the quorum is";
}

TEST(ReadOnly, ASessionThatWasServedReadOnlyIsDeclaredDeadWhenItComesAgain) {
  EnsembleDriver::Options options;
  options.read_only = true;
  EnsembleDriver ensemble(options);
  ensemble.start_all();
  ASSERT_TRUE(ensemble.await_agreement());
  ensemble.crash(2);
  ensemble.crash(3);
  ensemble.advance(5'000);
  Client& before = ensemble.connect_read_only(1);
  ensemble.run();
  ASSERT_TRUE(before.connected);
  ensemble.drop(before);
  Client& again = ensemble.reconnect(1, before, 10'000, true);
  ensemble.run();
  EXPECT_TRUE(again.refused);
  ensemble.start(2);
  ASSERT_TRUE(ensemble.await_agreement());
  Client& with_quorum = ensemble.reconnect(2, before, 10'000);
  ensemble.run();
  EXPECT_TRUE(with_quorum.refused);
}

}  // namespace
}  // namespace topod::zab
