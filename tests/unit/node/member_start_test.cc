// How a member of an ensemble starts: what it applies, what it restores, and what it does when
// something of its own is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/node/replay.h"
#include "server/node/startup.h"
#include "server/node/system.h"
#include "storage/log_segment.h"
#include "tests/unit/state/state_driver.h"
#include "tests/unit/storage/simulated_file.h"
#include "tests/unit/storage/temporary_folder.h"

namespace topod::node {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Takes what it is told and keeps nothing.
class NoTree final : public TreeStore {
 public:
  void collect(const state::State&, const state::Changes&) override {}
  void switch_generation(uint64_t, ReplacedTree) override {}
  [[nodiscard]] std::string path() const override { return {}; }
  [[nodiscard]] size_t gathered_bytes() const override { return 0; }
  [[nodiscard]] DurationFigures checkpoint_times() const override { return {}; }
  [[nodiscard]] std::optional<StoredCheckpoint> last_checkpoint() const override { return {}; }
};

class MemberStart : public ::testing::Test {
 protected:
  MemberStart() {
    config_.data_dir = folder_ / "data";
    config_.server_id = ServerId(2);
    config_.map_bytes = size_t{1} << 30;
    set_voters(3);
  }
  void set_voters(uint32_t count) {
    config_.members.clear();
    for (uint32_t id = 1; id <= count; ++id) {
      Member member;
      member.id = ServerId(id);
      config_.members.push_back(member);
    }
  }

  Started<void> try_start(bool discard_damaged = false) {
    data_.reset();
    auto opened =
        open_data(config_, {.discard_damaged = discard_damaged, .segment_bytes = 65'536}, entropy_);
    if (!opened) return tl::unexpected(opened.error());
    data_.emplace(std::move(*opened));
    return {};
  }
  void start() {
    const auto started = try_start();
    ASSERT_TRUE(started.has_value()) << started.error().what;
  }
  // What the log on the way to the replica amounts to.
  Replayed replay() {
    zab::ReplicaConfig replica_config;
    replica_config.self = config_.server_id;
    zab::Replica replica(replica_config, std::move(*data_->state), Incarnation(1));
    NoTree tree;
    const auto replayed = replay_log(*data_, replica, tree);
    EXPECT_TRUE(replayed.has_value()) << replayed.error().what;
    applied_ = replica.state().applied;
    last_logged_ = replica.history().last_zxid();
    diverged_ = replica.diverged();
    return replayed.value_or(Replayed{});
  }
  void append(const std::vector<LogRecord>& records) {
    storage::RecordBatch batch;
    for (const LogRecord& record : records) {
      batch.add(record.kind, record.zxid, record.number, record.payload);
    }
    const std::string_view piece = batch.bytes();
    while (!data_->log->has_room(piece.size())) ASSERT_TRUE(data_->log->prepare_spare(1 << 20));
    ASSERT_TRUE(data_->log->append({&piece, 1}));
  }
  static LogRecord transaction(int64_t counter, int64_t before) {
    const auto zxid = [](int64_t number) {
      return number == 0 ? Zxid() : make_zxid(Epoch(1), number);
    };
    entry::Entry entry;
    entry.set_time_ms(1'000);
    entry.mutable_origin()->set_server(2);
    entry.mutable_origin()->set_incarnation(7);
    entry.mutable_server_up();
    return {LogRecordKind::kTransaction, zxid(counter), static_cast<uint64_t>(zxid(before).value()),
            entry.SerializeAsString()};
  }
  // Founded, epoch 1, transactions 1 to 5, of which 3 are known to be committed.
  void write_log() {
    entry::Founding founding;
    founding.set_ensemble(77);
    for (uint32_t id = 1; id <= 3; ++id) founding.add_voters()->set_server(id);
    append({{LogRecordKind::kFounding, {}, 0, founding.SerializeAsString()},
            {LogRecordKind::kAcceptedEpoch, {}, 1, {}},
            {LogRecordKind::kCurrentEpoch, {}, 1, {}}});
    for (int64_t counter = 1; counter <= 5; ++counter) {
      append({transaction(counter, counter - 1)});
      if (counter == 3) append({{LogRecordKind::kCommitted, make_zxid(Epoch(1), 3), 0, {}}});
    }
  }
  // A server with a history, that does not run.
  void make_history() {
    start();
    write_log();
    instance_ = data_->identity.instance;
    data_.reset();
  }
  // The stored tree holds nothing yet, and says where the log begins.
  void make_checkpoint() {
    const auto meta = checkpoint_meta(*data_->state, data_->promises, data_->identity, {1, 0});
    ASSERT_TRUE(data_->store->commit({}, meta));
  }
  void expect_blank_learner() {
    EXPECT_NE(data_->identity.instance, instance_) << "it must not vote as the one it was";
    EXPECT_EQ(data_->state->applied, Zxid());
    EXPECT_EQ(data_->promises.accepted_epoch, Epoch());
    EXPECT_EQ(data_->promises.founding.ensemble(), 0U);
    EXPECT_EQ(data_->log->recovered().batches, 0U);
  }
  [[nodiscard]] std::vector<std::string> put_aside() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(config_.data_dir)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("damaged-")) names.push_back(name);
    }
    return names;
  }
  [[nodiscard]] std::string segment() const {
    return storage::segment_path(config_.data_dir + "/wal", 1);
  }
  static void flip(const std::string& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(at);
    file.put(byte);
    ASSERT_TRUE(file.flush());
  }

  storage::TemporaryFolder folder_;
  SystemEntropy entropy_;
  Config config_;
  std::optional<OpenedData> data_;
  InstanceId instance_{};
  Zxid applied_;
  Zxid last_logged_;
  bool diverged_ = false;
};

TEST_F(MemberStart, WhatIsNotKnownToBeCommittedIsRestoredAndNotApplied) {
  make_history();
  start();
  EXPECT_FALSE(data_->is_alone);
  EXPECT_EQ(data_->promises.founding.ensemble(), 77U);
  EXPECT_EQ(data_->promises.current_epoch, Epoch(1));
  const Replayed replayed = replay();
  EXPECT_EQ(replayed.transactions, 3U);
  EXPECT_EQ(replayed.uncommitted, 2U);
  EXPECT_EQ(applied_, make_zxid(Epoch(1), 3));
  EXPECT_EQ(last_logged_, make_zxid(Epoch(1), 5));
}

TEST_F(MemberStart, AQuorumOfOneHasCommittedWhatItHasLogged) {
  set_voters(0);
  start();
  append({{LogRecordKind::kAcceptedEpoch, {}, 1, {}}, {LogRecordKind::kCurrentEpoch, {}, 1, {}}});
  append({transaction(1, 0), transaction(2, 1)});
  start();
  EXPECT_TRUE(data_->is_alone);
  const Replayed replayed = replay();
  EXPECT_EQ(replayed.transactions, 2U);
  EXPECT_EQ(replayed.uncommitted, 0U);
}

TEST_F(MemberStart, ALoneConfigurationDoesNotCommitWhatThreeHaveLogged) {
  make_history();
  set_voters(0);
  start();
  EXPECT_FALSE(data_->is_alone);
  EXPECT_EQ(replay().uncommitted, 2U);
}

TEST_F(MemberStart, AfterADamagedLogItIsABlankLearner) {
  make_history();
  flip(segment(), 4'096 + 200);
  start();
  expect_blank_learner();
  EXPECT_THAT(put_aside(), SizeIs(2));  // tree and log
  // It stays the one it has become.
  instance_ = {};
  const InstanceId now = data_->identity.instance;
  start();
  EXPECT_EQ(data_->identity.instance, now);
  expect_blank_learner();
}

TEST_F(MemberStart, AfterADamagedTreeItIsABlankLearner) {
  make_history();
  const std::string tree = config_.data_dir + "/tree.1/data.mdb";
  for (std::streamoff page = 2; page < 12; ++page) flip(tree, page * 4'096 + 20);
  start();
  expect_blank_learner();
}

TEST_F(MemberStart, WithoutTheLogThatItsTreeCountsOnItIsABlankLearner) {
  start();
  write_log();
  make_checkpoint();
  instance_ = data_->identity.instance;
  data_.reset();
  fs::remove_all(config_.data_dir + "/wal");
  start();
  expect_blank_learner();
}

TEST_F(MemberStart, WithNothingButItsNameItIsABlankLearner) {
  make_history();
  fs::remove_all(config_.data_dir + "/tree.1");
  fs::remove_all(config_.data_dir + "/wal");
  start();
  expect_blank_learner();
}

TEST_F(MemberStart, WhatLiesBesideADamagedLogStaysWhereItIs) {
  config_.log_dir = config_.data_dir;
  make_history();
  const std::string myid = config_.data_dir + "/myid";
  std::ofstream(myid) << "2\n";
  flip(storage::segment_path(config_.log_dir, 1), 4'096 + 200);
  start();
  expect_blank_learner();
  EXPECT_TRUE(fs::exists(myid));
  EXPECT_TRUE(fs::exists(config_.data_dir + "/lock"));
  const InstanceId now = data_->identity.instance;
  start();
  EXPECT_EQ(data_->identity.instance, now);
}

TEST_F(MemberStart, WhereverACrashEndsTheBeginningAnewItIsNeverTheOneItWas) {
  make_history();
  flip(segment(), 4'096 + 200);
  const std::string before = folder_ / "before";
  fs::copy(config_.data_dir, before, fs::copy_options::recursive);
  start();
  const storage::DirectoryIdentity became = data_->identity;
  data_.reset();
  // The identity is replaced first; then tree and log go, in this order.
  for (const bool tree_is_gone : {false, true}) {
    for (const bool log_is_gone : {false, true}) {
      if (log_is_gone && !tree_is_gone) continue;
      fs::remove_all(config_.data_dir);
      fs::copy(before, config_.data_dir, fs::copy_options::recursive);
      {
        auto dir = storage::DataDir::open_existing(storage::posix_file_system(), config_.data_dir);
        ASSERT_TRUE(dir && dir->replace_identity(became));
      }
      if (tree_is_gone) fs::remove_all(config_.data_dir + "/tree.1");
      if (log_is_gone) fs::remove(segment());
      start();
      expect_blank_learner();
      data_.reset();
    }
  }
}

TEST_F(MemberStart, ASingleServerWithADamagedLogRefuses) {
  set_voters(0);
  make_history();
  flip(segment(), 4'096 + 200);
  const auto started = try_start();
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().exit_code, kExitDamaged);
}

TEST_F(MemberStart, ALogOfAnotherMemberIsRefusedAndBothAreNamed) {
  config_.log_dir = folder_ / "log";
  start();
  write_log();
  data_.reset();
  config_.data_dir = folder_ / "other";
  config_.server_id = ServerId(3);
  const auto started = try_start();
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().exit_code, kExitFailed);
  EXPECT_THAT(started.error().what, HasSubstr("of server 2"));
  EXPECT_THAT(started.error().what, HasSubstr("of server 3"));
  EXPECT_TRUE(fs::exists(storage::segment_path(config_.log_dir, 1)));
}

TEST_F(MemberStart, ADataDirectoryOfAnotherMemberIsRefusedAndBothAreNamed) {
  make_history();
  config_.server_id = ServerId(3);
  const auto started = try_start();
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().what, HasSubstr("server 2"));
  EXPECT_THAT(started.error().what, HasSubstr("server 3"));
}

TEST_F(MemberStart, ATreeOfAnotherMemberIsRefusedAndBothAreNamed) {
  make_history();
  const std::string copied = folder_ / "copied";
  fs::rename(config_.data_dir + "/tree.1", copied);
  config_.data_dir = folder_ / "other";
  config_.server_id = ServerId(3);
  start();
  data_.reset();
  fs::remove_all(config_.data_dir + "/tree.1");
  fs::rename(copied, config_.data_dir + "/tree.1");
  const auto started = try_start();
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().exit_code, kExitFailed);
  EXPECT_THAT(started.error().what, HasSubstr("server 2"));
  EXPECT_THAT(started.error().what, HasSubstr("server 3"));
}

// A second tree, as a stream from a peer leaves it: whole, and without a place in the log.
class InstalledTree : public MemberStart {
 protected:
  void make_two_trees() {
    start();
    write_log();
    make_checkpoint();
    instance_ = data_->identity.instance;
    state::State newer = state::State::initial();
    newer.applied = kZxid;
    const auto meta = checkpoint_meta(newer, {}, data_->identity, {});
    const auto made =
        create_stored_tree(data_->dir.tree_path(2), {.map_bytes = size_t{1} << 30}, newer, meta);
    ASSERT_TRUE(made.has_value()) << made.error().what;
  }
  void expect_generation(uint64_t generation, Zxid applied) {
    EXPECT_EQ(data_->generation, generation);
    EXPECT_EQ(data_->state->applied, applied);
    EXPECT_EQ(data_->identity.instance, instance_) << "nothing was lost";
    std::vector<std::string> trees;
    for (const auto& entry : fs::directory_iterator(config_.data_dir)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("tree.")) trees.push_back(name);
    }
    EXPECT_THAT(trees, ElementsAre("tree." + std::to_string(generation)));
  }
  static constexpr Zxid kZxid = make_zxid(Epoch(1), 40);
};

TEST_F(InstalledTree, OneThatTheLogDoesNotNameIsRemoved) {
  make_two_trees();
  start();
  expect_generation(1, Zxid());
}

TEST_F(InstalledTree, OneWhoseEpochIsMissingIsRemoved) {
  make_two_trees();
  append({{LogRecordKind::kSnapshot, kZxid, 2, "digest"}, transaction(41, 40)});
  start();
  expect_generation(1, Zxid());
  EXPECT_EQ(replay().uncommitted, 2U) << "the log before it holds";
}

TEST_F(InstalledTree, OneThatTookEffectTakesThePlaceOfTheOther) {
  make_two_trees();
  append({{LogRecordKind::kSnapshot, kZxid, 2, "digest"},
          transaction(41, 40),
          {LogRecordKind::kCurrentEpoch, {}, 2, {}}});
  start();
  expect_generation(2, kZxid);
  const Replayed replayed = replay();
  EXPECT_EQ(replayed.transactions, 0U);
  EXPECT_EQ(replayed.uncommitted, 1U);
  EXPECT_EQ(last_logged_, make_zxid(Epoch(1), 41));
}

TEST_F(MemberStart, AStateThatHasDivergedIsNotServedAfterARestart) {
  make_history();
  start();
  append({{LogRecordKind::kDiverged, make_zxid(Epoch(1), 3), 0, {}}});
  start();
  replay();
  EXPECT_TRUE(diverged_);
}

TEST_F(InstalledTree, OneThatTookThePlaceOfADivergedOneLeavesThatForSomebodyToLookAt) {
  make_two_trees();
  append({{LogRecordKind::kDiverged, make_zxid(Epoch(1), 3), 0, {}},
          {LogRecordKind::kSnapshot, kZxid, 2, "digest"},
          {LogRecordKind::kCurrentEpoch, {}, 2, {}}});
  start();
  expect_generation(2, kZxid);
  EXPECT_THAT(put_aside(), ElementsAre("damaged-1"));
  EXPECT_TRUE(fs::exists(config_.data_dir + "/damaged-1/tree.1"));
  replay();
  EXPECT_FALSE(diverged_);
}

TEST_F(InstalledTree, WithoutOneThatTookEffectItIsABlankLearner) {
  make_two_trees();
  append(
      {{LogRecordKind::kSnapshot, kZxid, 2, "digest"}, {LogRecordKind::kCurrentEpoch, {}, 2, {}}});
  data_.reset();
  fs::remove_all(config_.data_dir + "/tree.2");
  start();
  expect_blank_learner();
}

}  // namespace
}  // namespace topod::node
