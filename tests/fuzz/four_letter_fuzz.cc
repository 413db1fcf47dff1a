// The first bytes of a connection that may be a four-letter word, asked of a server in any state:
// the answer follows from the word, the whitelist and the state, and asks for a change only where
// the word means one.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>

#include "proto/check.h"
#include "server/admin/four_letter.h"

namespace topod::admin {
namespace {

constexpr size_t kListMax = 5;
constexpr size_t kTextMax = 40;

// Shows whatever the input says.
class AnySource : public AdminSource {
 public:
  explicit AnySource(FuzzedDataProvider& data) : data_(data), is_serving_(data.ConsumeBool()) {}

  [[nodiscard]] bool is_serving() const override { return is_serving_; }
  [[nodiscard]] bool is_read_only() const override { return data_.ConsumeBool(); }
  [[nodiscard]] bool is_stopping() const override { return false; }
  [[nodiscard]] ZabStatus zab_status() const override { return {}; }
  [[nodiscard]] int64_t trace_mask() const override { return number(); }
  [[nodiscard]] std::string version() const override { return text(); }
  [[nodiscard]] ServerStats server_stats() const override {
    ServerStats stats;
    stats.mode = static_cast<Mode>(data_.ConsumeIntegralInRange(0, 4));
    stats.latency = {number(), data_.ConsumeFloatingPoint<double>(), number()};
    stats.received = count();
    stats.zxid = Zxid(number());
    stats.node_count = count();
    if (data_.ConsumeBool()) stats.proposals = ProposalSizes{number(), number(), number()};
    stats.peer_state = text();
    return stats;
  }
  [[nodiscard]] std::vector<ConnectionInfo> connections() const override {
    std::vector<ConnectionInfo> list(list_size());
    for (ConnectionInfo& connection : list) {
      connection.peer = text();
      connection.interest_bits = data_.ConsumeIntegral<int32_t>();
      if (data_.ConsumeBool()) connection.session = session();
    }
    return list;
  }
  [[nodiscard]] Settings settings() const override {
    Settings settings;
    settings.data_dir = text();
    if (data_.ConsumeBool()) {
      settings.ensemble.emplace();
      settings.ensemble->membership = text();
    }
    return settings;
  }
  [[nodiscard]] std::optional<EnsembleStatus> ensemble_status() const override {
    if (data_.ConsumeBool()) return std::nullopt;
    EnsembleStatus status;
    status.last_change = text();
    status.last_refusal = text();
    status.voters_differ = data_.ConsumeBool();
    for (size_t i = list_size(); i > 0; --i) {
      status.peers.push_back({data_.ConsumeIntegral<uint32_t>(), text(), text()});
    }
    return status;
  }
  [[nodiscard]] DirectorySizes directory_sizes() const override { return {count(), count()}; }
  [[nodiscard]] Environment environment() const override { return {}; }
  [[nodiscard]] SessionsDump sessions() const override {
    SessionsDump dump;
    dump.expires_here = data_.ConsumeBool();
    for (size_t i = list_size(); i > 0; --i) {
      dump.expiring_at_ms[number()].push_back(SessionId(number()));
      dump.timeouts_ms.emplace_back(number(), 1);
    }
    return dump;
  }
  [[nodiscard]] ConnectionsDump connection_expiry() const override {
    ConnectionsDump dump;
    for (size_t i = list_size(); i > 0; --i) {
      dump.expiring_at_ms[number()].push_back({text(), SessionId(number())});
    }
    return dump;
  }
  [[nodiscard]] std::map<SessionId, std::vector<std::string>> ephemerals() const override {
    std::map<SessionId, std::vector<std::string>> all;
    for (size_t i = list_size(); i > 0; --i) all[SessionId(number())].push_back(text());
    return all;
  }
  [[nodiscard]] WatchSummary watch_summary() const override { return {count(), count(), count()}; }
  [[nodiscard]] std::map<std::string, std::set<SessionId>> watches_by_path() const override {
    std::map<std::string, std::set<SessionId>> all;
    for (size_t i = list_size(); i > 0; --i) all[text()].insert(SessionId(number()));
    return all;
  }
  [[nodiscard]] std::vector<DigestEntry> digest_log() const override {
    std::vector<DigestEntry> entries(list_size());
    for (DigestEntry& entry : entries) entry = {Zxid(number()), count()};
    return entries;
  }
  [[nodiscard]] Monitoring monitoring() const override {
    Monitoring monitoring;
    for (size_t i = list_size(); i > 0; --i) {
      monitoring.gauges.push_back({text(), number()});
      monitoring.gauges.push_back({text(), data_.ConsumeFloatingPoint<double>()});
      monitoring.summaries.push_back({text(), data_.ConsumeFloatingPoint<double>(), number(),
                                      number(), count(), number(), std::nullopt});
    }
    return monitoring;
  }

 private:
  [[nodiscard]] int64_t number() const { return data_.ConsumeIntegral<int64_t>(); }
  [[nodiscard]] uint64_t count() const { return data_.ConsumeIntegral<uint64_t>(); }
  [[nodiscard]] std::string text() const { return data_.ConsumeRandomLengthString(kTextMax); }
  [[nodiscard]] size_t list_size() const {
    return data_.ConsumeIntegralInRange<size_t>(0, kListMax);
  }
  [[nodiscard]] ConnectionInfo::Session session() const {
    ConnectionInfo::Session session;
    session.id = SessionId(number());
    if (data_.ConsumeBool()) {
      session.last_operation = static_cast<OpCode>(data_.ConsumeIntegral<int32_t>());
    }
    session.last_cxid = number();
    session.last_zxid = number();
    return session;
  }

  FuzzedDataProvider& data_;
  bool is_serving_;
};

void run(FuzzedDataProvider& data) {
  const std::string bytes = data.ConsumeBytesAsString(kWordBytes);
  const std::optional<Word> word = parse_word(bytes);
  if (!word) return;
  CHECK(name_of(*word) == bytes);

  std::vector<std::string> names(data.ConsumeIntegralInRange<size_t>(0, kListMax));
  for (std::string& name : names) name = data.ConsumeRandomLengthString(kWordBytes);
  const Whitelist whitelist(names);
  const bool is_listed = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == "*" || name == bytes;
  });
  CHECK(whitelist.allows(*word) == is_listed);

  const std::string argument = data.ConsumeRandomLengthString(argument_bytes(*word));
  const AnySource source(data);
  const Answer told = answer(*word, argument, whitelist, source);
  const bool may_be_empty = *word == Word::kStmk || *word == Word::kHash;
  CHECK(!told.text.empty() || may_be_empty);
  if (!is_listed) {
    CHECK(told.text == bytes + " is not executed because it is not in the whitelist.\n");
    CHECK(told.request == Request::kNothing);
  }
  const bool may_change = *word == Word::kCrst || *word == Word::kSrst || *word == Word::kStmk;
  CHECK(told.request == Request::kNothing || may_change);
}

}  // namespace
}  // namespace topod::admin

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  topod::admin::run(data);
  return 0;
}
