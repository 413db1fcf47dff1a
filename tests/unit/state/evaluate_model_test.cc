// Random histories against the naive tree: same errors, paths, Stats, data and children after
// every entry. Beside the state run a second one that is fed the same log bytes, and a store that
// learns of changes only; now and then the second state is thrown away and loaded from its rows.
// A failure prints the seed, and RC_PARAMS="seed=..." repeats it.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <random>

#include "tests/unit/state/naive_tree.h"
#include "tests/unit/state/row_store.h"
#include "tests/unit/state/state_driver.h"

namespace topod::state {
namespace {

constexpr size_t kChoicesMax = 12'000;

// How often each operation came out how: a property that only ever sees refusals shows nothing.
using Outcomes = std::map<std::pair<OpCode, ErrorCode>, int>;

// A history is drawn from a seed, up to a length: a failing one shrinks to its shortest prefix that
// still fails.
class Choices {
 public:
  Choices(uint64_t seed, size_t length) : random_(seed), left_(length) {}
  [[nodiscard]] bool exhausted() const { return left_ == 0; }
  uint32_t below(uint32_t bound) {
    if (exhausted()) return 0;
    --left_;
    return static_cast<uint32_t>(random_() % bound);
  }
  bool one_in(uint32_t bound) { return below(bound) == bound - 1; }
  template <class Item, size_t Size>
  const Item& of(const std::array<Item, Size>& items) {
    return items[below(Size)];
  }

 private:
  std::mt19937_64 random_;
  size_t left_;
};

const std::array<AuthId, 3> kIds = {AuthId{"digest", "u:hash"}, AuthId{"sasl", "somebody"},
                                    AuthId{"super", ""}};

const std::array<std::vector<AclEntry>, 9> kLists = {
    kOpenAclRequest,
    kOpenAclRequest,
    kOpenAclRequest,
    {{{kPermRead | kPermCreate, "world", "anyone"}}},
    {{{kPermAll, "auth", ""}}},
    {{{kPermAll, "ip", "127.0.0.0/8"}, {kPermRead, "world", "anyone"}}},
    {{{kPermAll, "digest", "u:hash"}, {kPermAll, "digest", "u:hash"}}},
    {},
    {{{kPermAll, "digest", "no colon"}}}};

class History {
 public:
  History(uint64_t seed, size_t length, Outcomes& outcomes)
      : choices_(seed, length), outcomes_(outcomes) {
    sessions_.push_back({driver_.session, driver_.connection});
    catch_up();
  }

  void run() {
    while (!choices_.exhausted()) {
      step();
      catch_up();
      compare();
    }
  }

 private:
  struct Client {
    SessionId session;
    ConnectionId connection;
  };

  void step() {
    driver_.time_ms += choices_.below(5);
    const uint32_t kind = choices_.below(40);
    if (kind == 0) {
      const ConnectionId connection(100 + driver_.forward_number);
      sessions_.push_back({driver_.open_session(connection), connection});
    } else if (kind == 1 && sessions_.size() > 1) {
      close_one();
    } else if (kind == 2) {
      reap_one();
    } else if (kind == 3) {
      reload_ = true;
    } else {
      write_one();
    }
  }

  void close_one() {
    const auto at = sessions_.begin() + choices_.below(static_cast<uint32_t>(sessions_.size()));
    driver_.close_session(at->session, at->connection);
    RC_ASSERT(driver_.effects.closed_session == at->session);
    model_.end_session(at->session.value(), driver_.state.applied.value());
    sessions_.erase(at);
  }

  void reap_one() {
    if (driver_.state.reapable.empty()) return;
    const auto count = static_cast<uint32_t>(driver_.state.reapable.size());
    const NodeId id = std::next(driver_.state.reapable.begin(), choices_.below(count))->first;
    const NodeSlot slot = driver_.state.tree.by_id(id);
    const std::string path = driver_.state.tree.path(slot);
    entry::Entry entry;
    entry.mutable_reap()->set_node(id.value());
    entry.mutable_reap()->set_pzxid(driver_.state.tree.fields(slot).pzxid.value());
    entry.mutable_reap()->set_mzxid(driver_.state.tree.fields(slot).mzxid.value());
    driver_.evaluate_as_is(entry);
    model_.reap(path, driver_.state.applied.value(), driver_.time_ms);
  }

  void write_one() {
    const Client& client = sessions_[choices_.below(static_cast<uint32_t>(sessions_.size()))];
    driver_.ids = {{"ip", "127.0.0.1"}};
    if (choices_.one_in(4)) driver_.ids.push_back(choices_.of(kIds));
    driver_.skip_acl = choices_.one_in(10);
    driver_.enforce_quota = !choices_.one_in(4);
    driver_.ttl_enabled = !choices_.one_in(10);
    const Request request = any_request();
    const ErrorCode error = driver_.write_of(client.session, client.connection, request);
    const NaiveCaller caller{client.session.value(), driver_.ids,
                             driver_.skip_acl,       driver_.enforce_quota,
                             driver_.ttl_enabled,    driver_.state.applied.value(),
                             driver_.time_ms};
    const NaiveResult expected = model_.evaluate(request, caller);
    RC_ASSERT(error == expected.error);
    ++outcomes_[{request.op, error}];
    if (request.op == OpCode::kMulti) {
      compare_multi(expected);
    } else if (error == ErrorCode::kOk) {
      compare_result(request.op, expected);
    }
  }

  void compare_result(OpCode op, const NaiveResult& expected) {
    JuteReader in(driver_.effects.body);
    const bool has_path = !expected.path.empty();
    if (has_path) RC_ASSERT(in.read_string() == NullableBytes(expected.path));
    if (op == OpCode::kSetData || op == OpCode::kSetAcl || (has_path && op != OpCode::kCreate)) {
      Stat stat;
      stat.read(in);
      RC_ASSERT(stat == expected.stat);
    }
    RC_ASSERT(in.ok() && in.remaining() == 0);
  }

  void compare_multi(const NaiveResult& expected) {
    const auto results = multi_results(driver_.effects.body);
    RC_ASSERT(results.size() == expected.operations.size());
    const bool failed = !results.empty() && results.back().error != 0;
    ++outcomes_[{OpCode::kMulti, failed ? ErrorCode::kRuntimeInconsistency : ErrorCode::kOk}];
    for (size_t i = 0; i < results.size(); ++i) {
      const NaiveResult& operation = expected.operations[i];
      RC_ASSERT(results[i].error == static_cast<int32_t>(operation.error));
      if (operation.error != ErrorCode::kRuntimeInconsistency) {
        ++outcomes_[{OpCode::kError, operation.error}];
      }
      if (failed) continue;
      RC_ASSERT(results[i].path == operation.path);
      if (results[i].type == static_cast<int32_t>(OpCode::kCreate2)) {
        RC_ASSERT(results[i].stat == operation.stat);
      }
    }
  }

  // ---- requests ------------------------------------------------------------------------------

  Request any_request() {
    if (choices_.one_in(6)) {
      std::vector<Request> operations(choices_.below(5));
      for (Request& operation : operations) operation = any_operation(true);
      return multi(operations);
    }
    return any_operation(false);
  }

  Request any_operation(bool in_multi) {
    const std::string path = any_path();
    const std::string data(choices_.below(12), 'd');
    const int32_t version =
        choices_.one_in(3) ? static_cast<int32_t>(choices_.below(3)) : kAnyVersion;
    switch (choices_.below(12)) {
      case 0:
      case 1: return remove(path, version);
      case 2:
      case 3: return set_data(path, choices_.one_in(8) ? NullableBytes{} : data, version);
      case 4: return set_quota(path, in_multi);
      case 5:
        if (in_multi) return check(path, version);
        return set_acl(path, choices_.of(kLists), version);
      default: return any_creation(path, data);
    }
  }

  Request any_creation(std::string path, const std::string& data) {
    static constexpr std::array kOps = {OpCode::kCreate, OpCode::kCreate, OpCode::kCreate2,
                                        OpCode::kCreateContainer, OpCode::kCreateTtl};
    Creation how;
    how.op = choices_.of(kOps);
    how.acl = choices_.of(kLists);
    how.flags = static_cast<int32_t>(choices_.below(choices_.one_in(10) ? 9 : 4));
    if (how.op == OpCode::kCreateContainer && !choices_.one_in(8)) how.flags = 4;
    if (how.op == OpCode::kCreateTtl) {
      if (!choices_.one_in(8)) how.flags = choices_.one_in(2) ? 6 : 5;
      how.ttl_ms = static_cast<int64_t>(choices_.below(9));
    }
    return create(path, choices_.one_in(10) ? NullableBytes{} : data, how);
  }

  // A quota's nodes one by one, so that each order of making them occurs.
  Request set_quota(const std::string& path, bool in_multi) {
    static const std::array<std::string, 3> kSuffixes = {"", "/zookeeper_limits",
                                                         "/zookeeper_stats"};
    if (!in_multi && choices_.one_in(2)) return set_whole_quota(path);
    const std::string at = "/zookeeper/quota" + path + choices_.of(kSuffixes);
    switch (choices_.below(5)) {
      case 0: return remove(at);
      case 1: return set_data(at, any_limits());
      default: return create(at, any_limits());
    }
  }

  Request set_whole_quota(const std::string& path) {
    std::vector<Request> operations;
    for (size_t end = path.find('/', 1); !path.empty(); end = path.find('/', end + 1)) {
      const std::string directory = "/zookeeper/quota" + path.substr(0, end);
      if (!driver_.exists(directory)) operations.push_back(create(directory));
      if (end == std::string::npos) break;
    }
    operations.push_back(create("/zookeeper/quota" + path + "/zookeeper_limits", any_limits()));
    operations.push_back(create("/zookeeper/quota" + path + "/zookeeper_stats", any_limits()));
    return multi(operations);
  }

  const std::string& any_limits() {
    static const std::array<std::string, 6> kTexts = {
        "count=3,bytes=10",
        "countHardLimit=0,byteHardLimit=3",
        "count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=4",
        "count=1,bytes=1=;byteHardLimit=-1;countHardLimit=2",
        "nonsense",
        ""};
    return choices_.of(kTexts);
  }

  // Mostly of what is there, or one below it.
  std::string any_path() {
    static const std::array<std::string, 4> kNames = {"a", "b", "c", "s-"};
    static const std::array<std::string, 13> kOdd = {"/",
                                                     "",
                                                     "a",
                                                     "a/b",
                                                     "//a",
                                                     "/a/",
                                                     "/.",
                                                     "/a//b",
                                                     "/zookeeper/config",
                                                     "/zookeeper/quota",
                                                     "/zookeeper",
                                                     "/a\x01",
                                                     "/zookeeper/quota/zookeeper/a"};
    if (choices_.one_in(20)) return choices_.of(kOdd);
    const auto count = static_cast<uint32_t>(model_.nodes().size());
    std::string path = std::next(model_.nodes().begin(), choices_.below(count))->first;
    const bool is_ours = path == "/" || path.rfind("/zookeeper", 0) == std::string::npos;
    if (!is_ours && !choices_.one_in(8)) path = "/";
    if (path == "/") path.clear();
    if (path.empty() || choices_.one_in(2)) path += "/" + choices_.of(kNames);
    return path;
  }

  // ---- after every step ----------------------------------------------------------------------

  void compare() {
    const Tree& tree = driver_.state.tree;
    RC_ASSERT(tree.size() == model_.nodes().size());
    uint64_t ephemerals = 0;
    for (const auto& [path, node] : model_.nodes()) {
      const NodeSlot slot = tree.find(path);
      RC_ASSERT(slot != kNoNode);
      RC_ASSERT(tree.path(slot) == path);
      RC_ASSERT(tree.stat(slot) == model_.stat(path));
      const NullableBytes data = tree.data(slot);
      RC_ASSERT(data.has_value() == node.data.has_value());
      RC_ASSERT(data.value_or("") == node.data.value_or(""));
      RC_ASSERT(driver_.state.acls.get(tree.fields(slot).acl) == node.acl);
      RC_ASSERT(driver_.state.reapable.count(tree.fields(slot).id) == (node.is_reapable ? 1u : 0u));
      RC_ASSERT(driver_.children(path) == model_.children(path));
      if (node.stat.ephemeral_owner != 0) ++ephemerals;
    }
    RC_ASSERT(driver_.state.sessions.ephemeral_count() == ephemerals);
    RC_ASSERT(driver_.state.digest == recompute_digest(driver_.state));
  }

  // The second state evaluates the same bytes, or is loaded from the rows of the store.
  void catch_up() {
    store_.take_changes(driver_.state);
    if (reload_) {
      twin_ = store_.load();
      reload_ = false;
    } else {
      for (const auto& [zxid, bytes] : driver_.log) {
        entry::Entry entry;
        RC_ASSERT(entry.ParseFromString(bytes));
        state::evaluate(twin_, zxid, entry, twin_effects_);
        RC_ASSERT(twin_effects_.error == driver_.effects.error || driver_.log.size() > 1);
      }
      twin_.changes.clear();
    }
    driver_.log.clear();
    RC_ASSERT(twin_.applied == driver_.state.applied);
    RC_ASSERT(twin_.digest == driver_.state.digest);
    RC_ASSERT(twin_.quotas == driver_.state.quotas);
    RC_ASSERT(twin_.reapable == driver_.state.reapable);
    RC_ASSERT(twin_.tree.next_node_id() == driver_.state.tree.next_node_id());
    RC_ASSERT(twin_.tree.data_bytes() == driver_.state.tree.data_bytes());
    RC_ASSERT(twin_.acls.counter() == driver_.state.acls.counter());
  }

  Choices choices_;
  Outcomes& outcomes_;
  StateDriver driver_;
  NaiveTree model_;
  std::vector<Client> sessions_;
  State twin_ = State::initial();
  Effects twin_effects_;
  RowStore store_;
  bool reload_ = false;
};

TEST(EvaluateModel, RandomHistoriesEndAsInTheNaiveTree) {
  Outcomes outcomes;
  const bool holds = rc::check("evaluate equals the naive tree", [&] {
    const auto seed = *rc::gen::noShrink(rc::gen::resize(100, rc::gen::arbitrary<uint64_t>()));
    const auto length = *rc::gen::inRange<size_t>(1, kChoicesMax);
    History(seed, length, outcomes).run();
  });
  EXPECT_TRUE(holds);
  if (!holds) return;
  for (const OpCode op :
       {OpCode::kCreate, OpCode::kCreate2, OpCode::kCreateContainer, OpCode::kCreateTtl,
        OpCode::kDelete, OpCode::kSetData, OpCode::kSetAcl, OpCode::kMulti}) {
    EXPECT_GT((outcomes[{op, ErrorCode::kOk}]), 20) << name_of(op);
  }
  std::map<ErrorCode, int> errors;
  for (const auto& [outcome, count] : outcomes) errors[outcome.second] += count;
  for (const ErrorCode error :
       {ErrorCode::kNoNode, ErrorCode::kNoAuth, ErrorCode::kNodeExists, ErrorCode::kInvalidAcl,
        ErrorCode::kNoChildrenForEphemerals, ErrorCode::kQuotaExceeded, ErrorCode::kBadArguments,
        ErrorCode::kUnimplemented, ErrorCode::kBadVersion, ErrorCode::kNotEmpty}) {
    EXPECT_GT(errors[error], 0) << name_of(error);
  }
  EXPECT_GT((outcomes[{OpCode::kMulti, ErrorCode::kRuntimeInconsistency}]), 20);
}

}  // namespace
}  // namespace topod::state
