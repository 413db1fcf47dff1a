#include "server/admin/http_status.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "server/admin/command_json.h"
#include "tests/unit/admin/sample_source.h"

namespace topod::admin {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class HttpStatusTest : public testing::Test {
 protected:
  json command(const std::string& name) {
    const HttpAnswer answer = status_.answer("/commands/" + name);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.type, "application/json; charset=utf-8");
    const json parsed = json::parse(answer.body, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << answer.body;
    return parsed;
  }

  SampleSource source_;
  std::optional<LoopSilence> silence_;
  std::vector<std::string> words_ = {"srvr", "mntr", "conf", "cons", "dump", "wchp", "wchc",
                                     "wchs", "ruok", "hash", "dirs", "envi", "stat"};
  HttpStatus status_{
      Whitelist(words_),
      [this](const HttpStatus::Question& ask) -> tl::expected<HttpAnswer, LoopSilence> {
        if (silence_) return tl::unexpected(*silence_);
        return ask(source_);
      }};
};

TEST_F(HttpStatusTest, ReadyIsWhoServesWithAQuorum) {
  EXPECT_EQ(status_.answer("/readyz").status, 200);
  source_.read_only = true;
  EXPECT_EQ(status_.answer("/readyz").status, 503);
  source_.read_only = false;
  source_.serving = false;
  EXPECT_EQ(status_.answer("/readyz").status, 503);
  EXPECT_EQ(status_.answer("/healthz").status, 200);
  source_.serving = true;
  source_.stopping = true;
  EXPECT_EQ(status_.answer("/readyz").body, "stopping\n");
  EXPECT_EQ(status_.answer("/readyz").status, 503);
}

TEST_F(HttpStatusTest, WhoStartsIsHealthyAndNotReadyAndWhoHangsIsNeither) {
  silence_ = LoopSilence::kStarting;
  EXPECT_EQ(status_.answer("/healthz").status, 200);
  EXPECT_EQ(status_.answer("/readyz").status, 503);
  silence_ = LoopSilence::kStopping;
  EXPECT_EQ(status_.answer("/healthz").status, 200);
  EXPECT_EQ(status_.answer("/readyz").status, 503);
  silence_ = LoopSilence::kNoAnswer;
  EXPECT_EQ(status_.answer("/healthz").status, 503);
  EXPECT_EQ(status_.answer("/readyz").status, 503);
  EXPECT_EQ(status_.answer("/commands/srvr").status, 503);
}

TEST_F(HttpStatusTest, NothingElseIsServed) {
  for (const char* path : {"/", "", "/metrics", "/healthz/", "/commandsx", "/../etc/passwd"}) {
    EXPECT_EQ(status_.answer(path).status, 404) << path;
  }
}

TEST_F(HttpStatusTest, ACommandHasItsFieldsItsNameAndNoError) {
  const json monitor = command("mntr");
  EXPECT_EQ(monitor["command"], "monitor");
  EXPECT_TRUE(monitor["error"].is_null());
  EXPECT_EQ(monitor["znode_count"], 7);
  EXPECT_EQ(monitor["ephemerals_count"], 1);
  EXPECT_EQ(monitor["cnt_fsynctime"], 4);
  const json stats = command("server_stats");
  EXPECT_EQ(stats["node_count"], 7);
  EXPECT_EQ(stats["server_stats"]["packets_received"], 14);
  EXPECT_EQ(stats["server_stats"]["server_state"], "standalone");
  EXPECT_EQ(command("conf")["client_port"], 2181);
  EXPECT_EQ(command("cons")["connections"][1]["session_timeout"], 10'000);
  const std::string owner = std::to_string(0x10000340c0b0000);
  EXPECT_EQ(command("dump")["session_id_to_ephemeral_paths"][owner][0], "/e1");
  EXPECT_EQ(command("wchp")["path_to_session_ids"].size(), 1U);
  EXPECT_EQ(command("watches")["session_id_to_watched_paths"].size(), 1U);
  EXPECT_EQ(command("wchs")["num_total_watches"], 1);
  EXPECT_EQ(command("dirs")["logdir_size"], 67109338);
  EXPECT_EQ(command("envi")["os.name"], "Linux");
  EXPECT_EQ(command("hash")["digests"][0]["zxid"], 0x80);
}

TEST_F(HttpStatusTest, TheEnsembleIsShownAsAdminServerShowsIt) {
  const json state = command("zabstate");
  EXPECT_EQ(state["zabstate"], "broadcast");
  EXPECT_EQ(state["quorum_address"], "zk1:2888");
  EXPECT_EQ(state["last_zxid"], "0x4");
  const json leader = command("lead");
  EXPECT_EQ(leader["is_leader"], true);
  EXPECT_EQ(leader["leader_ip"], "zk1");
  const json voters = command("voting_view")["current_config"];
  ASSERT_EQ(voters.size(), 1U);  // the other observes
  EXPECT_EQ(voters["1"]["client_address"], "zk1:2181");
  EXPECT_EQ(command("obsr")["synced_observers"], 1);
  EXPECT_EQ(command("lsnp")["zxid"], "0x1f");
}

TEST_F(HttpStatusTest, WhatIsNotServedIsSaidInTheAnswer) {
  EXPECT_EQ(command("nope")["error"], "Unknown command: nope");
  // Those that change something are not there, whatever the whitelist says.
  for (const char* name : {"crst", "srst", "stmk", "restore", "shed", "snapshot", "icfg", "sysp"}) {
    EXPECT_THAT(command(name)["error"], HasSubstr("Unknown command")) << name;
  }
  EXPECT_THAT(command("isro")["error"], HasSubstr("not in the whitelist"));
  source_.serving = false;
  EXPECT_THAT(command("srvr")["error"], HasSubstr("not currently serving"));
  EXPECT_TRUE(command("ruok")["error"].is_null());
}

TEST_F(HttpStatusTest, ThePageLinksToWhatIsAllowed) {
  const std::string page = status_.answer("/commands").body;
  EXPECT_THAT(page, HasSubstr("/commands/monitor"));
  EXPECT_THAT(page, Not(HasSubstr("is_read_only")));
}

}  // namespace
}  // namespace topod::admin
