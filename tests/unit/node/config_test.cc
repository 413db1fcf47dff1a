#include "server/node/config.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace topod::node {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Files = std::map<std::string, std::string>;

LogLevel level_of(const ConfigRemark& remark) { return remark.level; }

// Reads "topod.cfg" with this text; other files are those given.
LoadResult read(const std::string& text, const Files& files = {}, const Overrides& overrides = {},
                const ConfigOptions& options = {}) {
  using Text = tl::expected<std::string, std::string>;
  const ReadFile read_file = [&](const std::string& path) -> Text {
    const auto file = files.find(path);
    if (file == files.end()) return tl::unexpected(std::string("No such file or directory"));
    return file->second;
  };
  return parse_config(text, "topod.cfg", overrides, options, read_file);
}

constexpr const char* kBase = "dataDir=/d\nclientPort=2181\n";

// The configuration of a file that holds what every one must and these lines.
Config config_of(const std::string& lines) {
  const LoadResult result = read(kBase + lines);
  EXPECT_TRUE(result) << lines << (result ? "" : to_string(result.error().front()));
  return result ? result->config : Config{};
}

std::vector<std::string> texts(const std::vector<ConfigRemark>& remarks) {
  std::vector<std::string> all;
  for (const ConfigRemark& remark : remarks) all.push_back(to_string(remark));
  return all;
}

std::vector<std::string> errors_of(const std::string& lines, const Files& files = {},
                                   const ConfigOptions& options = {}) {
  const LoadResult result = read(kBase + lines, files, {}, options);
  return result ? std::vector<std::string>{} : texts(result.error());
}

std::vector<std::string> remarks_of(const std::string& lines, const Files& files = {}) {
  const LoadResult result = read(kBase + lines, files);
  EXPECT_TRUE(result) << lines << (result ? "" : to_string(result.error().front()));
  return result ? texts(result->remarks) : std::vector<std::string>{};
}

TEST(Config, DirectoryAndPortSufficeAndTheRestHasDefaults) {
  const LoadResult result = read(kBase);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->remarks, IsEmpty());
  const Config& config = result->config;
  EXPECT_EQ(config.data_dir, "/d");
  EXPECT_EQ(config.client_port, 2181);
  EXPECT_EQ(config.tick_time_ms, 3'000);
  EXPECT_EQ(config.min_session_timeout_ms, 6'000);
  EXPECT_EQ(config.max_session_timeout_ms, 60'000);
  EXPECT_EQ(config.max_frame_bytes, 1'048'575);
  EXPECT_EQ(config.max_connections_per_address, 0U);
  EXPECT_TRUE(config.extended_types);
  EXPECT_FALSE(config.skip_acl);
  EXPECT_THAT(config.four_letter_words, ElementsAre("srvr", "stat", "ruok", "isro", "envi", "mntr",
                                                    "conf", "wchs", "dirs", "cons", "hash"));
}

TEST(Config, ZooKeepersSampleFileIsUnderstood) {
  const Config config = config_of(
      "tickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=60\n"
      "autopurge.snapRetainCount=3\nautopurge.purgeInterval=1\n"
      "metricsProvider.className=org.apache.zookeeper.metrics.prometheus."
      "PrometheusMetricsProvider\nmetricsProvider.httpHost=0.0.0.0\n"
      "metricsProvider.httpPort=7001\nmetricsProvider.exportJvmInfo=true\n");
  EXPECT_EQ(config.tick_time_ms, 2'000);
  EXPECT_EQ(config.min_session_timeout_ms, 4'000);
  EXPECT_EQ(config.max_session_timeout_ms, 40'000);
  EXPECT_EQ(config.max_connections_per_address, 60U);
  EXPECT_EQ(config.metrics_port, 7001);
}

TEST(Config, MetricsAndStatusAreServedOnlyIfAskedFor) {
  const Config silent = config_of("");
  EXPECT_EQ(silent.metrics_port, -1);
  EXPECT_EQ(silent.status_port, -1);
  // By name, at ZooKeeper's ports; the status to this machine alone.
  const Config named = config_of(
      "metricsProvider.className=org.apache.zookeeper.metrics.prometheus."
      "PrometheusMetricsProvider\nadmin.enableServer=true");
  EXPECT_EQ(named.metrics_port, 7000);
  EXPECT_EQ(named.metrics_address, "0.0.0.0");
  EXPECT_EQ(named.status_port, 8080);
  EXPECT_EQ(named.status_address, "127.0.0.1");
  // By a port.
  EXPECT_EQ(config_of("metricsProvider.httpPort=0").metrics_port, 0);
  EXPECT_EQ(config_of("zookeeper.admin.serverPort=81").status_port, 81);
  // Not when the opposite is said, wherever it stands.
  EXPECT_EQ(config_of("metricsProvider.httpPort=7001\nmetricsProvider.className="
                      "org.apache.zookeeper.metrics.impl.NullMetricsProvider")
                .metrics_port,
            -1);
  EXPECT_EQ(config_of("admin.enableServer=false\nadmin.serverPort=81").status_port, -1);
}

TEST(Config, ThePrefixZooKeeperIsOptional) {
  EXPECT_EQ(config_of("zookeeper.maxCnxns=7").max_connections, 7U);
  EXPECT_EQ(config_of("maxCnxns=7").max_connections, 7U);
  EXPECT_TRUE(config_of("zookeeper.skipACL=yes").skip_acl);
  EXPECT_THAT(config_of("zookeeper.4lw.commands.whitelist=ruok, srvr").four_letter_words,
              ElementsAre("ruok", "srvr"));
}

TEST(Config, EveryMistakeIsReportedAtOnceInTheOrderOfTheLines) {
  EXPECT_THAT(errors_of("tickTime=x\nskipACL=maybe\nclientPortAddress=a b\n"),
              ElementsAre("topod.cfg:3: tickTime: expected a whole number from 1 to 3600000, "
                          "not \"x\"",
                          "topod.cfg:4: skipACL: expected true or false, not \"maybe\"",
                          "topod.cfg:5: clientPortAddress: expected a host name or an address "
                          "without a port, not \"a b\""));
}

TEST(Config, WhatIsMissingIsNamed) {
  const LoadResult result = read("");
  ASSERT_FALSE(result);
  EXPECT_THAT(texts(result.error()),
              AllOf(Contains(HasSubstr("topod.cfg: dataDir: expected")),
                    Contains(HasSubstr("topod.cfg: clientPort: expected")), SizeIs(2)));
}

TEST(Config, ToolsThatServeNobodyNeedNoPort) {
  ConfigOptions options;
  options.requires_client_port = false;
  EXPECT_TRUE(read("dataDir=/d", {}, {}, options));
}

TEST(Config, TheCommandLineWins) {
  Overrides overrides;
  overrides.data_dir = "/other";
  overrides.client_port = 0;
  overrides.client_address = "[::1]";
  overrides.log_level = LogLevel::kDebug;
  const LoadResult result =
      read(std::string(kBase) + "logLevel=error\nclientPortAddress=10.0.0.1", {}, overrides);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->config.data_dir, "/other");
  EXPECT_EQ(result->config.client_port, 0);
  EXPECT_EQ(result->config.client_address, "::1");
  EXPECT_EQ(result->config.log_level, LogLevel::kDebug);
}

TEST(Config, TheCommandLineIsNamedWhenItIsWrong) {
  Overrides overrides;
  overrides.client_address = "no host";
  const LoadResult result = read(kBase, {}, overrides);
  ASSERT_FALSE(result);
  EXPECT_THAT(texts(result.error()),
              ElementsAre(HasSubstr("command line: --client-address: expected a host name")));
}

TEST(Config, SessionTimeoutsAreBoundedByTicksUnlessGiven) {
  const Config config = config_of("minSessionTimeout=1\nmaxSessionTimeout=-1\ntickTime=1000");
  EXPECT_EQ(config.min_session_timeout_ms, 1);
  EXPECT_EQ(config.max_session_timeout_ms, 20'000);
}

TEST(Config, TheLeastSessionTimeoutCannotExceedTheGreatest) {
  EXPECT_THAT(errors_of("minSessionTimeout=5000\nmaxSessionTimeout=4000"),
              ElementsAre("topod.cfg:3: minSessionTimeout: expected at most maxSessionTimeout "
                          "(4000 ms), not 5000 ms"));
  EXPECT_THAT(errors_of("minSessionTimeout=90000"), SizeIs(1));
  EXPECT_THAT(errors_of("maxSessionTimeout=0"), Contains(HasSubstr("maxSessionTimeout")));
}

TEST(Config, AskingForAPortThatIsNotServedIsAWarning) {
  for (const char* line : {"secureClientPort=2182", "metricsProvider.httpsPort=7001"}) {
    const LoadResult result = read(std::string(kBase) + line);
    ASSERT_TRUE(result) << line;
    ASSERT_THAT(result->remarks, SizeIs(1)) << line;
    EXPECT_EQ(level_of(result->remarks[0]), LogLevel::kWarn) << line;
  }
}

TEST(Config, AnUnknownKeyIsAWarningWithAGuessAndAnErrorIfStrict) {
  EXPECT_THAT(remarks_of("tickTme=5"),
              ElementsAre("topod.cfg:3: \"tickTme\": is not a key that topod or ZooKeeper knows; "
                          "is tickTime meant?"));
  EXPECT_THAT(remarks_of("CLIENTPORT=5"), ElementsAre(HasSubstr("is clientPort meant?")));
  EXPECT_THAT(remarks_of("somethingElse=5"), ElementsAre(Not(HasSubstr("meant"))));
  ConfigOptions strict;
  strict.strict = true;
  EXPECT_THAT(errors_of("tickTme=5", {}, strict), SizeIs(1));
  EXPECT_THAT(errors_of("netty.advancedFlowControl.enabled=true", {}, strict), IsEmpty());
}

TEST(Config, JavasKeysAreNamedAndIgnored) {
  const LoadResult result = read(std::string(kBase) + "commitProcessor.numWorkerThreads=4");
  ASSERT_TRUE(result);
  ASSERT_THAT(result->remarks, SizeIs(1));
  EXPECT_EQ(level_of(result->remarks[0]), LogLevel::kInfo);
  EXPECT_EQ(to_string(result->remarks[0]),
            "topod.cfg:3: commitProcessor.numWorkerThreads: ignored: means something to a JVM "
            "only");
}

TEST(Config, AskingForNoFlushIsNotObeyedAndSaid) {
  const LoadResult result = read(std::string(kBase) + "forceSync=no");
  ASSERT_TRUE(result);
  ASSERT_THAT(result->remarks, SizeIs(1));
  EXPECT_EQ(level_of(result->remarks[0]), LogLevel::kWarn);
  EXPECT_THAT(remarks_of("forceSync=yes"), ElementsAre(HasSubstr("ignored: every change")));
}

TEST(Config, ProtectionThatCannotBeGivenIsRefused) {
  EXPECT_THAT(errors_of("sessionRequireClientSASLAuth=true"), SizeIs(1));
  EXPECT_THAT(errors_of("sslQuorum=true"), SizeIs(1));
  EXPECT_THAT(errors_of("sessionRequireClientSASLAuth=false\nsslQuorum=false"), IsEmpty());
}

TEST(Config, TheLastOfTwoLinesCounts) {
  EXPECT_EQ(config_of("tickTime=1\nzookeeper.tickTime=5").tick_time_ms, 5);
  EXPECT_THAT(remarks_of("tickTime=x\ntickTime=5"),
              ElementsAre("topod.cfg:3: tickTime: written again in line 4, which is what counts"));
}

TEST(Config, AMalformedFileIsAnErrorWithItsLine) {
  EXPECT_THAT(errors_of("a=\\uZZZZ"), Contains(HasSubstr("topod.cfg:3: ")));
}

TEST(Config, AValueInAMessageIsShortAndPrintable) {
  const auto errors = errors_of("tickTime=" + std::string(500, 'x') + "\nskipACL=a\\nb\\u001b");
  ASSERT_THAT(errors, SizeIs(2));
  EXPECT_LT(errors[0].size(), 200U);
  EXPECT_THAT(errors[1], HasSubstr("not \"a?b?\""));
}

TEST(Config, SecretsAreNotRepeated) {
  EXPECT_THAT(errors_of("DigestAuthenticationProvider.superDigest=hunter2"),
              ElementsAre("topod.cfg:3: DigestAuthenticationProvider.superDigest: expected "
                          "user:BASE64(HASH(user:password)), not ***"));
  for (const char* line :
       {"ssl.keyStore.password=hunter2", "ssl.quorum.trustStore.password=hunter2",
        "ensembleAuthName=hunter2", "my.secret.key=hunter2",
        "DigestAuthenticationProvider.superDigst=super:hunter2"}) {
    EXPECT_THAT(remarks_of(line), Each(Not(HasSubstr("hunter2")))) << line;
  }
}

TEST(Config, ASuperDigestIsKept) {
  const Config config =
      config_of("DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
  EXPECT_EQ(config.super_digest.reveal(), "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
}

TEST(Config, EnforcedSchemesMustBeNamedAndKnown) {
  EXPECT_THAT(
      config_of("enforce.auth.enabled=true\nenforce.auth.schemes=digest,ip").enforce_auth_schemes,
      ElementsAre("digest", "ip"));
  EXPECT_THAT(errors_of("enforce.auth.enabled=true"), SizeIs(1));
  EXPECT_THAT(errors_of("enforce.auth.schemes=digest,kerberos"), SizeIs(1));
}

TEST(Config, AWordThatDoesNotExistIsAWarning) {
  EXPECT_THAT(remarks_of("4lw.commands.whitelist=*"), IsEmpty());
  EXPECT_THAT(remarks_of("4lw.commands.whitelist=ruok,lead"),
              ElementsAre(HasSubstr("topod.cfg:3: 4lw.commands.whitelist: \"lead\"")));
}

TEST(Config, AFrameMayNotOutgrowARecordOfTheLog) {
  EXPECT_EQ(config_of("jute.maxbuffer=0x200000").max_frame_bytes, 2 * 1024 * 1024);
  EXPECT_EQ(config_of("jute.maxbuffer=33554432").max_frame_bytes, 32 * 1024 * 1024);
  EXPECT_THAT(errors_of("jute.maxbuffer=33554433"), SizeIs(1));
  EXPECT_THAT(errors_of("jute.maxbuffer=-1"), SizeIs(1));
}

TEST(Config, AnEnsembleIsReadWithItsId) {
  const Files files = {{"/d/myid", " 2\n"}};
  const LoadResult result = read(
      "dataDir=/d\ninitLimit=5\nsyncLimit=2\n"
      "peerAuth=none\n"
      "server.1=a:1:2;2181\nserver.2=b:1:2;10.0.0.2:2182\nserver.3=c:1:2;2181\n",
      files);
  ASSERT_TRUE(result) << to_string(result.error().front());
  EXPECT_THAT(result->config.members, SizeIs(3));
  EXPECT_EQ(result->config.server_id, ServerId(2));
  EXPECT_EQ(result->config.client_port, 2182);
  EXPECT_EQ(result->config.client_address, "10.0.0.2");
}

constexpr const char* kThree =
    "server.1=127.0.0.1:1:2\nserver.2=localhost:3:4\nserver.3=[::1]:5:6\n"
    "initLimit=5\nsyncLimit=2\n";
// Three that other machines can reach.
constexpr const char* kThreeMachines =
    "server.1=127.0.0.1:1:2\nserver.2=b:1:2\nserver.3=c:1:2\ninitLimit=5\nsyncLimit=2\n";
const Files kFirst = {{"/d/myid", "1"}};

TEST(Config, AnEnsembleNeedsAnIdOfTheList) {
  EXPECT_THAT(errors_of(kThree),
              ElementsAre(HasSubstr("/d/myid: expected this server's id, one of 1, 2, 3,")));
  EXPECT_THAT(errors_of(kThree, {{"/d/myid", "4"}}),
              ElementsAre(AllOf(HasSubstr("/d/myid:1: "), HasSubstr("a line server.4"))));
  EXPECT_THAT(errors_of(kThree, {{"/d/myid", "0"}}), ElementsAre(HasSubstr("from 1 to 255")));
  EXPECT_THAT(errors_of(kThree, {{"/d/myid", ""}}), ElementsAre(HasSubstr("from 1 to 255")));
  EXPECT_THAT(errors_of(kThree, {{"/d/myid", "3"}}), IsEmpty());
}

TEST(Config, AnEnsembleNeedsItsLimits) {
  EXPECT_THAT(errors_of("server.1=[::1]:1:2\nserver.2=[::1]:3:4\nserver.3=[::1]:5:6\n", kFirst),
              ElementsAre(HasSubstr("initLimit"), HasSubstr("syncLimit")));
}

TEST(Config, ALoneServerLineNeedsNeitherIdNorLimits) {
  EXPECT_EQ(config_of("server.7=a:1:2").server_id, ServerId(7));
}

TEST(Config, MembersOnOneMachineNeedNoSecret) {
  EXPECT_THAT(errors_of(kThree, kFirst), IsEmpty());
  EXPECT_THAT(remarks_of(kThree, kFirst), IsEmpty());
}

TEST(Config, MembersOnSeveralMachinesNeedASecretOrAWordThatTheyDoNot) {
  EXPECT_THAT(errors_of(kThreeMachines, kFirst),
              ElementsAre(AllOf(HasSubstr("peerSecretFile: expected, for server.2 at b"),
                                HasSubstr("peerAuth=none"))));
  const std::string lines = kThreeMachines;
  EXPECT_THAT(remarks_of(lines + "peerAuth=none", kFirst), ElementsAre(HasSubstr("peerAuth: ")));
  EXPECT_THAT(errors_of(lines + "peerAuth=secret", kFirst), SizeIs(1));
  EXPECT_THAT(errors_of(lines + "peerAuth=nobody", kFirst),
              Contains(HasSubstr("peerAuth: expected secret or none")));
}

TEST(Config, ListeningOnAllAddressesIsBeingReachable) {
  EXPECT_THAT(errors_of(std::string(kThree) + "quorumListenOnAllIPs=true", kFirst),
              ElementsAre(HasSubstr("quorumListenOnAllIPs, can be reached")));
}

TEST(Config, ASingleServerLineNeedsNoSecret) {
  EXPECT_THAT(errors_of("server.1=10.0.0.1:1:2"), IsEmpty());
}

TEST(Config, ThePeersSecretIsWhatItsFileHoldsWithoutTheWhiteSpaceAroundIt) {
  Files files = kFirst;
  files["/s"] = " the secret\n";
  const std::string lines = std::string(kBase) + kThreeMachines + "peerSecretFile=/s\n";
  const LoadResult result = read(lines, files);
  ASSERT_TRUE(result) << to_string(result.error().front());
  EXPECT_EQ(result->config.peer_secret.reveal(), "the secret");
  EXPECT_FALSE(read(lines + "peerAuth=none\n", files));
}

TEST(Config, ASecretFileThatIsMissingOrEmptyIsNamed) {
  const std::string lines = kThreeMachines + std::string("peerSecretFile=/s\n");
  EXPECT_THAT(errors_of(lines, kFirst), ElementsAre(HasSubstr("cannot read \"/s\"")));
  EXPECT_THAT(errors_of(lines, {{"/d/myid", "1"}, {"/s", " \n"}}),
              ElementsAre(HasSubstr("\"/s\", which is empty")));
}

TEST(Config, TheEnsemblesOwnKeysAreRead) {
  const Config config = config_of(
      "failoverHoldMs=500\nreadonlymode.enabled=true\nquorumListenOnAllIPs=true\n"
      "advertisedClientAddress=zk1.example.com:3181\n");
  EXPECT_EQ(config.failover_hold_ms, 500);
  EXPECT_TRUE(config.read_only_enabled);
  EXPECT_TRUE(config.listen_for_peers_on_all);
  EXPECT_EQ(config.advertised_client, (HostPort{"zk1.example.com", 3181}));
  EXPECT_TRUE(config_of("advertisedClientAddress=none").hides_client_addresses);
  for (const char* wrong : {"0.0.0.0", "[::]:1", "a:", "a:0", "a:1:2", ":1", "a b"}) {
    EXPECT_THAT(errors_of("advertisedClientAddress=" + std::string(wrong)), SizeIs(1)) << wrong;
  }
}

TEST(Config, AnEvenNumberOfVotersIsAWarning) {
  EXPECT_THAT(
      remarks_of("server.1=[::1]:1:2\nserver.2=[::1]:3:4\ninitLimit=5\nsyncLimit=2\n", kFirst),
      ElementsAre(HasSubstr("2 voting servers survive no more failures than 1")));
}

TEST(Config, ClientPortAndServerLineMustAgree) {
  EXPECT_THAT(errors_of("server.1=a:1:2;2182"),
              ElementsAre(HasSubstr("clientPort: expected 2182")));
  EXPECT_THAT(errors_of("server.1=a:1:2;2181"), IsEmpty());
}

TEST(Config, AMistakeInAServerLineHasItsLine) {
  EXPECT_THAT(errors_of("server.1=a:1"),
              Contains(HasSubstr("topod.cfg:3: server.1: expected host:quorumPort:electionPort")));
}

TEST(Config, ServerLinesMayLiveInADynamicFile) {
  const Files files = {{"zoo.cfg.dynamic", "server.1=a:1:2;2181\nversion=100000000"},
                       {"/d/myid", "1"}};
  const LoadResult result = read("dataDir=/d\ndynamicConfigFile=zoo.cfg.dynamic\n", files);
  ASSERT_TRUE(result) << to_string(result.error().front());
  EXPECT_THAT(result->config.members, SizeIs(1));
  EXPECT_EQ(result->config.client_port, 2181);
}

TEST(Config, ADynamicFileThatIsMissingOrHoldsMoreIsAnError) {
  EXPECT_THAT(errors_of("dynamicConfigFile=none"), ElementsAre(HasSubstr("cannot read \"none\"")));
  EXPECT_THAT(errors_of("dynamicConfigFile=f", {{"f", "\ntickTime=5"}}),
              ElementsAre(HasSubstr("f:2: \"tickTime\": expected server.N")));
}

// A folder that is removed at the end.
class ConfigFile : public ::testing::Test {
 protected:
  ConfigFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "config-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ConfigFile() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigFile, IsReadFromTheDisk) {
  const std::string file =
      write("topod.cfg", "dataDir=" + (folder_ / "data").string() + "\nclientPort=0\n");
  const LoadResult result = load_config(file, {}, {});
  ASSERT_TRUE(result) << to_string(result.error().front());
  EXPECT_EQ(result->config.client_port, 0);
}

TEST_F(ConfigFile, WhatCannotBeReadIsNamedWithTheReason) {
  for (const std::string& path : {(folder_ / "none").string(), folder_.string(),
                                  write("long", std::string(kConfigFileBytesMax + 1, '#'))}) {
    const LoadResult result = load_config(path, {}, {});
    ASSERT_FALSE(result) << path;
    EXPECT_THAT(to_string(result.error().front()), HasSubstr(path + ": cannot be read: "));
  }
}

TEST_F(ConfigFile, TheDataDirectoryMustNotBeAFile) {
  const std::string data = write("data", "");
  const LoadResult result = load_config(write("c", "clientPort=1\ndataDir=" + data), {}, {});
  ASSERT_FALSE(result);
  EXPECT_THAT(to_string(result.error().front()), HasSubstr("dataDir: expected a directory"));
}

TEST_F(ConfigFile, TheDataDirectoryMustExistIfItIsNotToBeCreated) {
  const std::string lines = "clientPort=1\ndataDir=" + (folder_ / "none").string() + "\n";
  EXPECT_TRUE(load_config(write("a", lines), {}, {}));
  EXPECT_FALSE(load_config(write("b", lines + "datadir.autocreate=false"), {}, {}));
}

TEST_F(ConfigFile, ASecretThatOthersCanReadIsRefused) {
  namespace fs = std::filesystem;
  const std::string secret = write("secret", "the secret");
  const std::string file =
      write("c", "clientPort=1\ndataDir=" + folder_.string() + "\npeerSecretFile=" + secret);
  fs::permissions(secret, fs::perms::owner_read | fs::perms::group_read);
  EXPECT_TRUE(load_config(file, {}, {}));
  for (const fs::perms others : {fs::perms::others_read, fs::perms::others_write}) {
    fs::permissions(secret, fs::perms::owner_read | others);
    const LoadResult result = load_config(file, {}, {});
    ASSERT_FALSE(result);
    EXPECT_THAT(to_string(result.error().front()), HasSubstr("chmod o= \"" + secret));
  }
}

TEST_F(ConfigFile, NoneIsNeeded) {
  Overrides overrides;
  overrides.data_dir = (folder_ / "data").string();
  overrides.client_port = 2181;
  EXPECT_TRUE(load_config(std::nullopt, overrides, {}));
}

TEST_F(ConfigFile, TheSampleIsWithoutRemarks) {
  Overrides overrides;
  overrides.data_dir = folder_.string();
  ConfigOptions strict;
  strict.strict = true;
  const LoadResult result = load_config(TOPOD_SAMPLE_CONFIG, overrides, strict);
  ASSERT_TRUE(result) << to_string(result.error().front());
  EXPECT_THAT(texts(result->remarks), IsEmpty());
}

// Each line of the sample that is commented out shows a default; were one misspelled or out of
// range, nobody would notice until they needed it.
TEST_F(ConfigFile, TheSampleStaysWithoutMistakesWhenEverythingInItIsUncommented) {
  write("myid", "1");
  const std::string secret = write("secret", "the secret");
  std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
  std::ifstream in(TOPOD_SAMPLE_CONFIG);
  std::string text;
  int uncommented = 0;
  for (std::string line; std::getline(in, line);) {
    const bool is_setting = line.starts_with("#") && line.find('=') != std::string::npos &&
                            line.find(' ') == std::string::npos;
    uncommented += is_setting ? 1 : 0;
    if (line.starts_with("#peerSecretFile=")) line = "#peerSecretFile=" + secret;
    text += (is_setting ? line.substr(1) : line) + "\n";
  }
  EXPECT_GT(uncommented, 30);
  Overrides overrides;
  overrides.data_dir = folder_.string();
  ConfigOptions strict;
  strict.strict = true;
  const LoadResult result = load_config(write("all.cfg", text), overrides, strict);
  ASSERT_TRUE(result) << to_string(result.error().front());
  EXPECT_THAT(texts(result->remarks), IsEmpty());
}

}  // namespace
}  // namespace topod::node
