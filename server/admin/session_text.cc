// The words that show sessions, watches and digests: dump, wchs, wchc, wchp, hash.
#include <fmt/format.h>

#include <ctime>
#include <iterator>

#include "server/admin/text.h"

namespace topod::admin {

std::string hex(int64_t number) { return fmt::format("0x{:x}", static_cast<uint64_t>(number)); }

namespace {

// "<name> Sets (<buckets>)/(<entries>):", then each bucket with its entries.
template <class Entry, class AppendEntry>
void append_buckets(std::string& text, std::string_view name,
                    const std::map<int64_t, std::vector<Entry>>& buckets, AppendEntry append) {
  size_t entries = 0;
  for (const auto& [at_ms, bucket] : buckets) entries += bucket.size();
  fmt::format_to(std::back_inserter(text), "{} Sets ({})/({}):\n", name, buckets.size(), entries);
  for (const auto& [at_ms, bucket] : buckets) {
    fmt::format_to(std::back_inserter(text), "{} expire at {}:\n", bucket.size(), date_text(at_ms));
    for (const Entry& entry : bucket) append(entry);
  }
}

void append_sessions(std::string& text, const SessionsDump& sessions) {
  if (sessions.expires_here) {
    append_buckets(text, "Session", sessions.expiring_at_ms,
                   [&](SessionId id) { text += "\t" + hex(id.value()) + "\n"; });
    return;
  }
  fmt::format_to(std::back_inserter(text), "Global Sessions({}):\n", sessions.timeouts_ms.size());
  for (const auto& [id, timeout_ms] : sessions.timeouts_ms) {
    fmt::format_to(std::back_inserter(text), "{}\t{}ms\n", hex(id.value()), timeout_ms);
  }
}

}  // namespace

std::string date_text(int64_t at_ms) {
  const std::time_t at_s = static_cast<std::time_t>(at_ms / 1000);
  std::tm fields{};
  char text[64];
  if (gmtime_r(&at_s, &fields) == nullptr ||
      std::strftime(text, sizeof text, "%a %b %d %H:%M:%S UTC %Y", &fields) == 0) {
    return std::to_string(at_ms);
  }
  return text;
}

std::string dump_text(const SessionsDump& sessions,
                      const std::map<SessionId, std::vector<std::string>>& ephemerals,
                      const ConnectionsDump& connections) {
  std::string text = "SessionTracker dump:\n";
  append_sessions(text, sessions);
  fmt::format_to(std::back_inserter(text),
                 "ephemeral nodes dump:\nSessions with Ephemerals ({}):\n", ephemerals.size());
  for (const auto& [session, paths] : ephemerals) {
    text += hex(session.value()) + ":\n";
    for (const std::string& path : paths) text += "\t" + path + "\n";
  }
  text += "Connections dump:\n";
  append_buckets(text, "Connections", connections.expiring_at_ms,
                 [&](const ConnectionsDump::Entry& entry) {
                   fmt::format_to(std::back_inserter(text), "\tip: /{} sessionId: {}\n", entry.peer,
                                  hex(entry.session.value()));
                 });
  return text;
}

std::string wchs_text(const WatchSummary& summary) {
  return fmt::format("{} connections watching {} paths\nTotal watches:{}\n", summary.connections,
                     summary.paths, summary.watches);
}

std::string wchc_text(const std::map<std::string, std::set<SessionId>>& by_path) {
  std::map<SessionId, std::vector<std::string_view>> by_session;
  for (const auto& [path, sessions] : by_path) {
    for (const SessionId session : sessions) by_session[session].push_back(path);
  }
  std::string text;
  for (const auto& [session, paths] : by_session) {
    text += hex(session.value()) + "\n";
    for (const std::string_view path : paths) text.append("\t").append(path).append("\n");
  }
  return text + "\n";
}

std::string wchp_text(const std::map<std::string, std::set<SessionId>>& by_path) {
  std::string text;
  for (const auto& [path, sessions] : by_path) {
    text += path + "\n";
    for (const SessionId session : sessions) text += "\t" + hex(session.value()) + "\n";
  }
  return text + "\n";
}

std::string hash_text(const std::vector<DigestEntry>& entries) {
  std::string text;
  for (const DigestEntry& entry : entries) {
    fmt::format_to(std::back_inserter(text), "{:x}: {}\n",
                   static_cast<uint64_t>(entry.zxid.value()), entry.digest);
  }
  return text;
}

}  // namespace topod::admin
