#include "server/node/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace topod::node {
namespace {

using ::testing::HasSubstr;

tl::expected<CommandLine, CommandLineExit> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "topod");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

void expect_mistake(std::vector<const char*> arguments, const std::string& said) {
  const auto line = parse(std::move(arguments));
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, kExitBadConfig);
  EXPECT_THAT(line.error().text, HasSubstr(said));
}

TEST(CommandLine, AFileIsEnough) {
  const auto line = parse({"--config", "zoo.cfg"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->task, CommandLine::Task::kServe);
  EXPECT_EQ(line->config_file, "zoo.cfg");
  EXPECT_FALSE(line->overrides.data_dir);
  EXPECT_FALSE(line->overrides.client_port);
  EXPECT_FALSE(line->options.strict);
  EXPECT_TRUE(line->options.requires_client_port);
  EXPECT_FALSE(line->discard_damaged);
}

TEST(CommandLine, DirectoryAndPortAreEnough) {
  const auto line =
      parse({"--data-dir", "/d", "--client-port", "0", "--port-file", "p", "--client-address",
             "127.0.0.1", "--log-level", "debug", "--discard-damaged"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->overrides.data_dir, "/d");
  EXPECT_EQ(line->overrides.client_port, 0);
  EXPECT_EQ(line->overrides.client_address, "127.0.0.1");
  EXPECT_EQ(line->overrides.log_level, LogLevel::kDebug);
  EXPECT_EQ(line->port_file, "p");
  EXPECT_TRUE(line->discard_damaged);
}

TEST(CommandLine, CheckAndStrictGoTogether) {
  const auto line = parse({"--config", "zoo.cfg", "--check", "--strict"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->task, CommandLine::Task::kCheck);
  EXPECT_TRUE(line->options.strict);
}

TEST(CommandLine, VerifyNeedsNoPort) {
  const auto line = parse({"--verify", "--data-dir", "/d"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->task, CommandLine::Task::kVerify);
  EXPECT_FALSE(line->options.requires_client_port);
}

TEST(CommandLine, MistakesEndWithCode2AndAHint) {
  expect_mistake({}, "--config FILE or --data-dir DIR is needed");
  expect_mistake({"--data-dir", "/d"}, "--client-port PORT is needed");
  expect_mistake({"--data-dir", "/d", "--client-port", "70000"}, "--client-port");
  expect_mistake({"--data-dir", "/d", "--client-port", "-1"}, "--client-port");
  expect_mistake({"--data-dir", "/d", "--client-port", "abc"}, "--client-port");
  expect_mistake({"--config"}, "--config");
  expect_mistake({"--config", "f", "--log-level", "loud"}, "--log-level");
  expect_mistake({"--config", "f", "--check", "--verify"}, "exclude each other");
  expect_mistake({"--config", "f", "--check", "--discard-damaged"}, "--discard-damaged");
  expect_mistake({"--no-such-option"}, "--no-such-option");
  expect_mistake({"zoo.cfg"}, "zoo.cfg");
  expect_mistake({}, "Try 'topod --help'");
}

TEST(CommandLine, HelpShowsEveryOptionAndExamples) {
  const auto line = parse({"--help"});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, 0);
  for (const char* part :
       {"--config", "--data-dir", "--client-port", "--client-address", "--port-file", "--log-level",
        "--strict", "--check", "--verify", "--discard-damaged", "--version",
        "Examples:", "topod --data-dir /var/lib/topod --client-port 2181"}) {
    EXPECT_THAT(line.error().text, HasSubstr(part));
  }
}

TEST(CommandLine, VersionNamesBothVersions) {
  const auto line = parse({"--version"});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, 0);
  EXPECT_THAT(line.error().text, testing::MatchesRegex("topod [0-9.]+ \\(ZooKeeper protocol "
                                                       "3\\.9\\.4-topod-[0-9.]+, built on "
                                                       "[0-9/]{10} [0-9:]{5} GMT\\)\n"));
}

}  // namespace
}  // namespace topod::node
