#include "server/admin/four_letter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/node/config.h"
#include "tests/unit/admin/sample_source.h"

namespace topod::admin {
namespace {

using ::testing::HasSubstr;

Whitelist everything() { return Whitelist(std::vector<std::string>{"*"}); }

std::vector<Word> all_words() {
  std::vector<Word> words;
  words.reserve(node::kFourLetterWords.size());
  for (const std::string_view name : node::kFourLetterWords) words.push_back(*parse_word(name));
  return words;
}

Answer ask(Word word, const AdminSource& source, std::string_view argument = {}) {
  return answer(word, argument, everything(), source);
}

TEST(FourLetter, EveryWordIsReadBackByItsName) {
  EXPECT_EQ(node::kFourLetterWords.size(), kWordCount);
  for (const std::string_view name : node::kFourLetterWords) {
    const std::optional<Word> word = parse_word(name);
    ASSERT_TRUE(word) << name;
    EXPECT_EQ(name_of(*word), name);
  }
}

TEST(FourLetter, OtherBytesAreNoWord) {
  for (const std::string_view bytes : {"", "ruo", "ruok\n", "RUOK", "lead", "\0\0\0\x2d"}) {
    EXPECT_FALSE(parse_word(bytes)) << bytes;
  }
}

TEST(FourLetter, TheDefaultWhitelistAllowsWhatIsCheapAndChangesNothing) {
  const Whitelist whitelist(node::Config{}.four_letter_words);
  for (const Word word : all_words()) {
    const bool is_kept_off = word == Word::kCrst || word == Word::kSrst || word == Word::kStmk ||
                             word == Word::kGtmk || word == Word::kDump || word == Word::kWchc ||
                             word == Word::kWchp;
    EXPECT_EQ(whitelist.allows(word), !is_kept_off) << name_of(word);
  }
}

TEST(FourLetter, AnEmptyWhitelistAllowsNothingAndAStarAllowsAll) {
  const Whitelist nothing(std::vector<std::string>{});
  for (const Word word : all_words()) {
    EXPECT_FALSE(nothing.allows(word));
    EXPECT_TRUE(everything().allows(word));
  }
}

TEST(FourLetter, NamesThatAreNoWordsAllowNothing) {
  const Whitelist whitelist(std::vector<std::string>{"lead", "ruok"});
  EXPECT_TRUE(whitelist.allows(Word::kRuok));
  EXPECT_FALSE(whitelist.allows(Word::kSrvr));
}

TEST(FourLetter, ARefusedWordIsNamedAndAsksForNothing) {
  const SampleSource source;
  const Whitelist whitelist(std::vector<std::string>{"ruok"});
  for (const Word word : all_words()) {
    if (word == Word::kRuok) continue;
    const Answer refused = answer(word, "12345678", whitelist, source);
    EXPECT_EQ(refused.text, std::string(name_of(word)) +
                                " is not executed because it is not in the whitelist.\n");
    EXPECT_EQ(refused.request, Request::kNothing);
  }
}

TEST(FourLetter, AServerThatDoesNotServeSaysSo) {
  SampleSource source;
  source.serving = false;
  for (const Word word : all_words()) {
    const Answer told = ask(word, source, std::string_view("\0\0\0\0\0\0\0\1", 8));
    switch (word) {
      case Word::kRuok: EXPECT_EQ(told.text, "imok"); break;
      case Word::kIsro: EXPECT_EQ(told.text, "null"); break;
      case Word::kGtmk: EXPECT_EQ(told.text, "306"); break;
      case Word::kStmk: EXPECT_EQ(told.text, "1"); break;
      case Word::kEnvi: EXPECT_THAT(told.text, HasSubstr("zookeeper.version=")); break;
      default:
        EXPECT_EQ(told.text, "This ZooKeeper instance is not currently serving requests\n");
        EXPECT_EQ(told.request, Request::kNothing);
    }
  }
}

TEST(FourLetter, AMemberThatDoesNotServeSaysWhy) {
  SampleSource source;
  source.serving = false;
  source.status = EnsembleStatus{.last_change = "the leader is silent",
                                 .last_refusal = "server 2 at b: wrong secret",
                                 .voters_differ = true,
                                 .peers = {{2, "waiting", "wrong secret"}, {3, "linked", ""}}};
  const std::string status =
      "Peer 2: waiting (wrong secret)\n"
      "Peer 3: linked\n"
      "Not voting: the configured voters are not those of the ensemble\n"
      "Last change: the leader is silent\n"
      "Last refused: server 2 at b: wrong secret\n";
  EXPECT_EQ(ask(Word::kSrvr, source).text,
            "This ZooKeeper instance is not currently serving requests\n" + status);
  EXPECT_EQ(ask(Word::kMntr, source).text,
            "This ZooKeeper instance is not currently serving requests\n");
  source.serving = true;
  EXPECT_TRUE(ask(Word::kSrvr, source).text.ends_with("Node count: 7\n" + status));
  EXPECT_TRUE(ask(Word::kStat, source).text.ends_with("Node count: 7\n" + status));
}

TEST(FourLetter, ShortAnswersHaveNoNewline) {
  SampleSource source;
  EXPECT_EQ(ask(Word::kRuok, source).text, "imok");
  EXPECT_EQ(ask(Word::kIsro, source).text, "rw");
  EXPECT_EQ(ask(Word::kGtmk, source).text, "306");
  source.read_only = true;
  EXPECT_EQ(ask(Word::kIsro, source).text, "ro");
}

TEST(FourLetter, ResettingIsLeftToTheCaller) {
  const SampleSource source;
  EXPECT_EQ(ask(Word::kCrst, source).text, "Connection stats reset.\n");
  EXPECT_EQ(ask(Word::kCrst, source).request, Request::kResetConnectionStats);
  EXPECT_EQ(ask(Word::kSrst, source).text, "Server stats reset.\n");
  EXPECT_EQ(ask(Word::kSrst, source).request, Request::kResetServerStats);
  EXPECT_EQ(ask(Word::kStat, source).request, Request::kNothing);
}

TEST(FourLetter, TheTraceMaskFollowsItsWordInEightBytes) {
  const SampleSource source;
  EXPECT_EQ(argument_bytes(Word::kStmk), 8U);
  EXPECT_EQ(argument_bytes(Word::kRuok), 0U);
  const Answer set = ask(Word::kStmk, source, std::string_view("\0\0\0\0\0\0\1\2", 8));
  EXPECT_EQ(set.text, "258");
  EXPECT_EQ(set.request, Request::kSetTraceMask);
  EXPECT_EQ(set.trace_mask, 258);
  const Answer cut_short = ask(Word::kStmk, source, "1234567");
  EXPECT_EQ(cut_short.text, "");
  EXPECT_EQ(cut_short.request, Request::kNothing);
}

TEST(FourLetter, EveryWordTellsWhatItsSourceKnows) {
  const SampleSource source;
  EXPECT_THAT(ask(Word::kSrvr, source).text, HasSubstr("Node count: 7\n"));
  EXPECT_THAT(ask(Word::kStat, source).text, HasSubstr("Clients:\n /127.0.0.1:53164[0]"));
  EXPECT_THAT(ask(Word::kCons, source).text, HasSubstr("sid=0x10000340c0b0001"));
  EXPECT_THAT(ask(Word::kConf, source).text, HasSubstr("clientPort=2181\n"));
  EXPECT_THAT(ask(Word::kDirs, source).text, HasSubstr("datadir_size: 67109337\n"));
  EXPECT_THAT(ask(Word::kDump, source).text, HasSubstr("\t/e1\n"));
  EXPECT_THAT(ask(Word::kHash, source).text, HasSubstr("80: 55156810721\n"));
  EXPECT_THAT(ask(Word::kMntr, source).text, HasSubstr("zk_znode_count\t7\n"));
  EXPECT_THAT(ask(Word::kWchc, source).text, HasSubstr("0x10000340c0b0001\n\t/a\n"));
  EXPECT_THAT(ask(Word::kWchp, source).text, HasSubstr("/a\n\t0x10000340c0b0001\n"));
  EXPECT_THAT(ask(Word::kWchs, source).text, HasSubstr("Total watches:1\n"));
}

}  // namespace
}  // namespace topod::admin
