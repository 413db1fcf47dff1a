#include "server/admin/four_letter.h"

#include "proto/jute.h"
#include "server/admin/text.h"

namespace topod::admin {
namespace {

constexpr std::array<std::string_view, kWordCount> kNames = {
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro",
    "mntr", "ruok", "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs"};

constexpr std::string_view kNotServing =
    "This ZooKeeper instance is not currently serving requests\n";

// Words that the process can answer whether or not it serves clients.
bool needs_serving(Word word) {
  switch (word) {
    case Word::kRuok:
    case Word::kEnvi:
    case Word::kGtmk:
    case Word::kStmk:
    case Word::kIsro: return false;
    default: return true;
  }
}

std::string isro_text(const AdminSource& source) {
  if (!source.is_serving()) return "null";
  return source.is_read_only() ? "ro" : "rw";
}

// Whoever asks how the server is wants to know why it does not serve.
std::string not_serving_text(Word word, const AdminSource& source) {
  std::string text(kNotServing);
  if (word == Word::kSrvr || word == Word::kStat) text += status_text(source.ensemble_status());
  return text;
}

std::string text_of(Word word, const AdminSource& source) {
  switch (word) {
    case Word::kConf: return conf_text(source.settings());
    case Word::kCons: return cons_text(source.connections());
    case Word::kCrst: return "Connection stats reset.\n";
    case Word::kDirs: return dirs_text(source.directory_sizes());
    case Word::kDump:
      return dump_text(source.sessions(), source.ephemerals(), source.connection_expiry());
    case Word::kEnvi: return envi_text(source.version(), source.environment());
    case Word::kGtmk: return std::to_string(source.trace_mask());
    case Word::kHash: return hash_text(source.digest_log());
    case Word::kIsro: return isro_text(source);
    case Word::kMntr:
      return mntr_text(source.version(), source.server_stats(), source.monitoring());
    case Word::kRuok: return "imok";
    case Word::kSrst: return "Server stats reset.\n";
    case Word::kSrvr:
      return srvr_text(source.version(), source.server_stats()) +
             status_text(source.ensemble_status());
    case Word::kStat:
      return stat_text(source.version(), source.server_stats(), source.connections()) +
             status_text(source.ensemble_status());
    case Word::kStmk: return {};  // needs its argument
    case Word::kWchc: return wchc_text(source.watches_by_path());
    case Word::kWchp: return wchp_text(source.watches_by_path());
    case Word::kWchs: return wchs_text(source.watch_summary());
  }
  return {};
}

Answer set_trace_mask(std::string_view argument) {
  JuteReader in(argument);
  const int64_t mask = in.read_long();
  if (!in.ok()) return {};
  return {std::to_string(mask), Request::kSetTraceMask, mask};
}

Request request_of(Word word) {
  if (word == Word::kCrst) return Request::kResetConnectionStats;
  if (word == Word::kSrst) return Request::kResetServerStats;
  return Request::kNothing;
}

}  // namespace

std::optional<Word> parse_word(std::string_view four_bytes) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == four_bytes) return static_cast<Word>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Word word) { return kNames[static_cast<size_t>(word)]; }

size_t argument_bytes(Word word) { return word == Word::kStmk ? sizeof(int64_t) : 0; }

Whitelist::Whitelist(std::span<const std::string> names) {
  for (const std::string& name : names) {
    if (name == "*") allowed_.fill(true);
    if (const std::optional<Word> word = parse_word(name)) {
      allowed_[static_cast<size_t>(*word)] = true;
    }
  }
}

Answer answer(Word word, std::string_view argument, const Whitelist& whitelist,
              const AdminSource& source) {
  if (!whitelist.allows(word)) {
    return {std::string(name_of(word)) + " is not executed because it is not in the whitelist.\n"};
  }
  if (needs_serving(word) && !source.is_serving()) return {not_serving_text(word, source)};
  if (word == Word::kStmk) return set_trace_mask(argument);
  return {text_of(word, source), request_of(word)};
}

}  // namespace topod::admin
