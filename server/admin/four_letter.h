// ZooKeeper's four-letter words: the first four bytes of a connection ask a question, the server
// answers with text and closes. The answer must be written at once: kazoo reads it with one recv.
//
// Pure formatting: what is told comes from an AdminSource, what a word asks to be changed is
// returned. Used by the loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/admin/view.h"

namespace topod::admin {

enum class Word {
  kConf,
  kCons,
  kCrst,
  kDirs,
  kDump,
  kEnvi,
  kGtmk,
  kHash,
  kIsro,
  kMntr,
  kRuok,
  kSrst,
  kSrvr,
  kStat,
  kStmk,
  kWchc,
  kWchp,
  kWchs,
};
inline constexpr size_t kWordCount = 18;
inline constexpr size_t kWordBytes = 4;

// The word that these four bytes are, if any; more or fewer bytes are none.
[[nodiscard]] std::optional<Word> parse_word(std::string_view four_bytes);
[[nodiscard]] std::string_view name_of(Word word);

// Bytes that follow the word and belong to it: 8 for stmk, none for the others. Only a word that
// is allowed has them read.
[[nodiscard]] size_t argument_bytes(Word word);

// Which words are answered.
class Whitelist {
 public:
  // Names of words; "*" stands for all, names of no word are passed over.
  explicit Whitelist(std::span<const std::string> names);
  [[nodiscard]] bool allows(Word word) const { return allowed_[static_cast<size_t>(word)]; }

 private:
  std::array<bool, kWordCount> allowed_{};
};

// What answering a word asks the caller to do besides.
enum class Request {
  kNothing,
  kResetConnectionStats,  // crst: of every connection
  kResetServerStats,      // srst
  kSetTraceMask,          // stmk: to Answer::trace_mask
};

struct Answer {
  std::string text;
  Request request = Request::kNothing;
  int64_t trace_mask = 0;
};

// `argument` holds argument_bytes(word) bytes; if it is shorter, the answer is empty.
[[nodiscard]] Answer answer(Word word, std::string_view argument, const Whitelist& whitelist,
                            const AdminSource& source);

}  // namespace topod::admin
