// A crash at every call that changes something, while a data directory is made, renamed to another
// identity, given its log, or rid of a damaged tree.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "storage/data_dir.h"
#include "tests/unit/storage/simulated_file.h"

namespace topod::storage {
namespace {

const std::string kDir = "/data";
const std::string kTree = "tree.1";
constexpr DirectoryIdentity kFirst{EnsembleId(1), ServerId(3), {1, 2, 3}};
constexpr DirectoryIdentity kSecond{EnsembleId(1), ServerId(3), {4, 5, 6}};
constexpr uint64_t kSeeds = 20;
constexpr uint64_t kCallsMax = 200;

class DataDirCrash : public testing::Test {
 protected:
  // `act` says whether it came to its end; `check` sees what a restart finds.
  void at_every_call(const std::function<void(FileSystem&)>& prepare,
                     const std::function<bool(FileSystem&)>& act,
                     const std::function<void(FileSystem&, bool is_done)>& check) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      for (const CallPhase phase : {CallPhase::kBefore, CallPhase::kDuring, CallPhase::kAfter}) {
        uint64_t call = 1;
        while (crash_once(seed, phase, call, prepare, act, check)) {
          ASSERT_LT(++call, kCallsMax);
        }
        ASSERT_GT(call, 1U) << "nothing is changed at all";
      }
    }
  }

  static DataDir must_open(FileSystem& files, const DirectoryIdentity& if_new) {
    auto opened = DataDir::open_or_create(files, kDir, if_new);
    EXPECT_TRUE(opened) << opened.error().what;
    return std::move(*opened);
  }

 private:
  static bool crash_once(uint64_t seed, CallPhase phase, uint64_t call,
                         const std::function<void(FileSystem&)>& prepare,
                         const std::function<bool(FileSystem&)>& act,
                         const std::function<void(FileSystem&, bool)>& check) {
    SimulatedFileSystem files(seed);
    prepare(files);
    files.crash_at_call(files.calls() + call, phase);
    const bool is_done = act(files);
    const bool has_crashed = files.crashed();
    EXPECT_NE(is_done, has_crashed);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", call " + std::to_string(call) + ": " +
                 files.last_call());
    files.restart();
    check(files, is_done);
    return has_crashed;
  }
};

TEST_F(DataDirCrash, WhileItIsMadeLeavesOneThatIsMadeAnewOrWhole) {
  at_every_call(
      [](FileSystem&) {},
      [](FileSystem& files) { return DataDir::open_or_create(files, kDir, kFirst).has_value(); },
      [](FileSystem& files, bool is_done) {
        const DataDir found = must_open(files, kSecond);
        EXPECT_TRUE(found.identity() == kFirst || (!is_done && found.identity() == kSecond));
      });
}

TEST_F(DataDirCrash, WhileItsIdentityIsReplacedLeavesTheOldOrTheNew) {
  at_every_call(
      [](FileSystem& files) { must_open(files, kFirst); },
      [](FileSystem& files) {
        auto opened = DataDir::open_existing(files, kDir);
        return opened && opened->replace_identity(kSecond);
      },
      [](FileSystem& files, bool is_done) {
        const DataDir found = must_open(files, kFirst);
        EXPECT_FALSE(found.was_created());
        EXPECT_TRUE(found.identity() == kSecond || (!is_done && found.identity() == kFirst));
      });
}

TEST_F(DataDirCrash, WhileTheLogsFolderIsGivenAnOwnerLeavesOneThatIsAccepted) {
  at_every_call(
      [](FileSystem& files) {
        ASSERT_TRUE(files.make_dir("/log"));
        ASSERT_TRUE(files.sync_dir("/"));
      },
      [](FileSystem& files) { return name_owner(files, "/log", kFirst).has_value(); },
      [](FileSystem& files, bool is_done) {
        const auto checked = check_owner(files, "/log", kFirst);
        EXPECT_TRUE(checked) << checked.error().what;
        if (is_done) {
          EXPECT_FALSE(check_owner(files, "/log", kSecond)) << "it is named";
        }
        EXPECT_TRUE(name_owner(files, "/log", kFirst));
      });
}

TEST_F(DataDirCrash, WhileATreeIsPutAsideLosesNothingOfIt) {
  at_every_call(
      [](FileSystem& files) {
        DataDir dir = must_open(files, kFirst);
        ASSERT_TRUE(files.make_dir(dir.tree_path(1)));
        const std::string path = dir.tree_path(1) + "/data.mdb";
        const auto data = files.open(path, {.write = true, .create = true});
        ASSERT_TRUE(data);
        ASSERT_TRUE((*data)->sync());
        ASSERT_TRUE(files.sync_dir(dir.tree_path(1)));
        ASSERT_TRUE(files.sync_dir(kDir));
      },
      [](FileSystem& files) { return set_aside(files, kDir, kTree).has_value(); },
      [](FileSystem& files, bool is_done) {
        static_cast<void>(must_open(files, kFirst));
        const std::string inside = "/" + kTree + "/data.mdb";
        const bool is_in_place = files.exists(kDir + inside).value();
        const bool is_aside = files.exists(kDir + "/damaged-1" + inside).value();
        EXPECT_NE(is_in_place, is_aside);
        EXPECT_TRUE(is_aside || !is_done);
      });
}

}  // namespace
}  // namespace topod::storage
