#include "tools/client/core/queue.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

namespace topod::client {

namespace {

constexpr size_t kSequenceDigits = 10;

std::optional<int64_t> sequence_of(std::string_view name) {
  if (name.size() < kSequenceDigits) return std::nullopt;
  const std::string_view digits = name.substr(name.size() - kSequenceDigits);
  uint64_t sequence = 0;
  const char* const end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, sequence).ptr != end) return std::nullopt;
  return static_cast<int64_t>(sequence);
}

bool is_reader(std::string_view name) {
  const std::string_view prefix = name.substr(0, name.size() - kSequenceDigits);
  return prefix.ends_with("__READ__") || prefix.ends_with("__rlock__");
}

std::string two_digits(int64_t number) {
  std::string text = std::to_string(number);
  return text.size() < 2 ? "0" + text : text;
}

}  // namespace

std::string name_prefix(NameStyle style, PlaceKind kind, std::string_view guid) {
  const std::string mark(guid);
  switch (style) {
    case NameStyle::kVitess: return "";
    case NameStyle::kKazoo: return mark + (kind == PlaceKind::kReader ? "__rlock__" : "__lock__");
    case NameStyle::kCurator: break;
  }
  const std::string protection = "_c_" + mark + "-";
  switch (kind) {
    case PlaceKind::kReader: return protection + "__READ__";
    case PlaceKind::kWriter: return protection + "__WRIT__";
    case PlaceKind::kLeader: return protection + "latch-";
    case PlaceKind::kMutex: break;
  }
  return protection + "lock-";
}

std::vector<QueueEntry> contenders(std::vector<std::string> children) {
  std::vector<QueueEntry> queue;
  queue.reserve(children.size());
  for (std::string& name : children) {
    if (const auto sequence = sequence_of(name)) {
      const bool reads = is_reader(name);
      queue.push_back({std::move(name), *sequence, reads});
    }
  }
  std::sort(queue.begin(), queue.end(), [](const QueueEntry& a, const QueueEntry& b) {
    return a.sequence < b.sequence || (a.sequence == b.sequence && a.name < b.name);
  });
  return queue;
}

const QueueEntry* predecessor(const std::vector<QueueEntry>& queue, std::string_view mine,
                              bool reads) {
  const QueueEntry* before = nullptr;
  for (const QueueEntry& entry : queue) {
    if (entry.name == mine) break;
    if (!reads || !entry.is_reader) before = &entry;
  }
  return before;
}

std::string to_json(const LockContents& contents) {
  nlohmann::ordered_json json;
  json["Action"] = contents.action;
  json["HostName"] = contents.host;
  json["UserName"] = contents.user;
  json["Time"] = contents.time;
  json["Status"] = contents.status;
  json["Options"] = nlohmann::ordered_json::object();
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<LockContents> parse_lock_contents(std::string_view data) {
  const auto json = nlohmann::json::parse(data, nullptr, false);
  if (!json.is_object() || !json.contains("Action")) return std::nullopt;
  const auto text = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  return LockContents{text("Action"), text("HostName"), text("UserName"), text("Time"),
                      text("Status")};
}

std::string describe_contents(std::string_view data) {
  const auto contents = parse_lock_contents(data);
  if (!contents) return std::string(data);
  return contents->user + "@" + contents->host + " (" + contents->action + ")";
}

// Civil date from days since 1970 (Howard Hinnant's algorithm): the core has no calendar.
std::string rfc3339(int64_t wall_ms) {
  const int64_t seconds = wall_ms / 1'000;
  const int64_t days = seconds / 86'400 + 719'468;
  const int64_t second = seconds % 86'400;
  const int64_t era = days / 146'097;
  const int64_t day_of_era = days % 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return std::to_string(year) + "-" + two_digits(month) + "-" + two_digits(day) + "T" +
         two_digits(second / 3'600) + ":" + two_digits(second / 60 % 60) + ":" +
         two_digits(second % 60) + "Z";
}

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == 0 || slash == std::string_view::npos) return "/";
  return path.substr(0, slash);
}

std::string_view name_of_path(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace topod::client
