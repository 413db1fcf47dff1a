#include "server/node/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "server/node/secret.h"

namespace topod::node {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// Logs into a string while it lives.
class Logging : public ::testing::Test {
 protected:
  Logging() { start_logging(LogLevel::kInfo, &out_); }
  ~Logging() override { start_logging(LogLevel::kError); }

  [[nodiscard]] std::string text() const { return out_.str(); }
  [[nodiscard]] size_t lines() const {
    const std::string all = out_.str();
    return static_cast<size_t>(std::count(all.begin(), all.end(), '\n'));
  }

 private:
  std::ostringstream out_;
};

TEST_F(Logging, ALineHasTimeLevelPartSentenceAndFields) {
  log_info("client", "refused connect", {{"reason", "limit"}, {"peer", "10.0.0.7:40312"}});
  EXPECT_THAT(text(), MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
                                   "\\.[0-9]{3}Z info  client: refused connect reason=limit "
                                   "peer=10\\.0\\.0\\.7:40312\n"));
}

TEST_F(Logging, LevelsBelowTheChosenOneAreNotWritten) {
  log_debug("loop", "turn");
  EXPECT_EQ(text(), "");
  EXPECT_FALSE(is_logged(LogLevel::kDebug));
  set_log_level(LogLevel::kDebug);
  log_debug("loop", "turn");
  EXPECT_THAT(text(), HasSubstr("debug loop: turn\n"));
}

TEST_F(Logging, NumbersAndTruthsAreFields) {
  EXPECT_EQ(log_line(LogLevel::kWarn, "log", "slow flush",
                     {{"took_ms", 1500}, {"is_idle", false}, {"share", 0.25}, {"bytes", 7UL}}),
            "warn  log: slow flush took_ms=1500 is_idle=false share=0.250 bytes=7");
}

TEST_F(Logging, AValueCannotBreakTheLineOrForgeAField) {
  EXPECT_EQ(log_line(LogLevel::kError, "client", "bad path",
                     {{"path", "/a\nerror client: forged"}, {"name", "x level=error"}}),
            "error client: bad path path=\"/a\\x0aerror client: forged\" "
            "name=\"x level=error\"");
  EXPECT_EQ(log_line(LogLevel::kInfo, "a", "b", {{"quote", "say \"hi\""}, {"empty", ""}}),
            "info  a: b quote=\"say \\\"hi\\\"\" empty=\"\"");
}

TEST_F(Logging, BracesInASentenceAreText) {
  log_info("a", "{} %s {0}");
  EXPECT_THAT(text(), HasSubstr("a: {} %s {0}\n"));
}

TEST_F(Logging, HexIsWrittenAsZooKeeperPeopleReadIt) {
  EXPECT_EQ(hex(0x10000340c0b0001), "0x10000340c0b0001");
  EXPECT_EQ(hex(-1), "0xffffffffffffffff");
}

TEST_F(Logging, EveryLevelHasANameThatIsReadBack) {
  for (const LogLevel level :
       {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    EXPECT_EQ(parse_log_level(name_of(level)), level);
  }
  EXPECT_FALSE(parse_log_level("verbose"));
}

TEST_F(Logging, RateLimitWritesSoManyLinesASecondAndSumsUpTheRest) {
  RateLimitedLog limited("client", 2);
  for (int i = 0; i < 5; ++i) limited.log(1'000, LogLevel::kWarn, "bad frame");
  EXPECT_EQ(lines(), 2U);
  limited.log(2'000, LogLevel::kWarn, "bad frame");
  EXPECT_EQ(lines(), 4U);
  EXPECT_THAT(text(), HasSubstr("left out lines of the last second lines=3\n"));
}

TEST_F(Logging, RateLimitSumsUpWithoutAnotherEvent) {
  RateLimitedLog limited("client", 1);
  limited.log(0, LogLevel::kWarn, "bad frame");
  limited.log(10, LogLevel::kWarn, "bad frame");
  limited.tick(999);
  EXPECT_THAT(text(), Not(HasSubstr("left out")));
  limited.tick(1'000);
  EXPECT_THAT(text(), HasSubstr("lines=1\n"));
  limited.tick(5'000);
  EXPECT_EQ(lines(), 2U);
}

TEST_F(Logging, RateLimitIsSilentAboutLinesBelowTheLevel) {
  RateLimitedLog limited("client", 1);
  for (int i = 0; i < 9; ++i) limited.log(0, LogLevel::kDebug, "frame");
  limited.tick(1'000);
  EXPECT_EQ(text(), "");
}

TEST(Secret, PrintsAsStars) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "***");
  EXPECT_EQ(Secret("hunter2").reveal(), "hunter2");
}

}  // namespace
}  // namespace topod::node
