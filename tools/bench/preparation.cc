#include "tools/bench/preparation.h"

#include <algorithm>
#include <vector>

#include "tools/bench/workload.h"

namespace topod::bench {

namespace {

constexpr size_t kWindow = 256;
constexpr Nanoseconds kPatience = 15 * kSecond;

Connection::Settings settings_of(const Options& options) {
  Connection::Settings settings;
  settings.server = options.address_for(0);
  settings.session_timeout_ms = options.session_timeout_ms;
  return settings;
}

}  // namespace

Preparation::Preparation(const Options& options)
    : options_(options), connection_(loop_, *this, 0, settings_of(options)) {}

void Preparation::on_connected(Connection&, Nanoseconds) {}

void Preparation::on_reply(Connection&, const Reply& reply) {
  ++replies_;
  if (take_reply_) take_reply_(reply.tag, reply);
}

void Preparation::on_lost(Connection&, std::string_view why) { trouble_ = why; }

Preparation::Outcome Preparation::wait_for_progress(const std::function<bool()>& is_done) {
  size_t seen = replies_;
  Nanoseconds deadline = monotonic_now() + kPatience;
  while (!is_done()) {
    if (!trouble_.empty()) return tl::unexpected(trouble_);
    if (replies_ != seen) {
      seen = replies_;
      deadline = monotonic_now() + kPatience;
    }
    const Nanoseconds now = monotonic_now();
    if (now >= deadline) return tl::unexpected(std::string("the server does not answer"));
    loop_.turn(deadline - now);
  }
  return {};
}

Preparation::Outcome Preparation::connect() {
  connection_.open();
  auto outcome = wait_for_progress([this] { return connection_.is_ready(); });
  if (!outcome) return tl::unexpected(options_.servers + ": " + outcome.error());
  return {};
}

void Preparation::disconnect() {
  if (!connection_.is_ready()) return;
  take_reply_ = nullptr;
  const size_t before = replies_;
  connection_.send(make_bare(OpCode::kCloseSession), 0, 0);
  // An answer that does not come changes nothing any more: the session expires by itself.
  (void)wait_for_progress([this, before] { return replies_ > before; });
  connection_.close();
}

Preparation::Outcome Preparation::send_all(size_t count, const MakeRequest& make,
                                           const TakeReply& take) {
  take_reply_ = take;
  size_t sent = 0;
  return wait_for_progress([&] {
    while (sent < count && connection_.is_ready() && connection_.outstanding() < kWindow) {
      connection_.send(make(sent), static_cast<uint32_t>(sent), 0);
      ++sent;
    }
    return sent == count && connection_.outstanding() == 0;
  });
}

Preparation::Outcome Preparation::create_numbered(std::string_view prefix, size_t count,
                                                  std::string_view data) {
  ErrorCode error = ErrorCode::kOk;
  Request request = make_numbered_create(prefix, data);
  auto outcome = send_all(
      count,
      [&](size_t i) {
        put_number(request.frame.data() + request.numbers.front(), i);
        return request;
      },
      [&](size_t, const Reply& reply) {
        if (reply.error != ErrorCode::kOk) error = reply.error;
      });
  if (outcome && error != ErrorCode::kOk) {
    return tl::unexpected("cannot create " + std::string(prefix) +
                          "...: " + std::string(name_of(error)));
  }
  return outcome;
}

Preparation::Outcome Preparation::create(const std::string& path) {
  ErrorCode error = ErrorCode::kOk;
  auto outcome = send_all(
      1, [&](size_t) { return make_create(path, "", CreateMode::kPersistent); },
      [&](size_t, const Reply& reply) { error = reply.error; });
  if (outcome && error != ErrorCode::kOk) {
    return tl::unexpected("cannot create " + path + ": " + std::string(name_of(error)));
  }
  return outcome;
}

Preparation::Outcome Preparation::prepare() {
  if (auto outcome = clean_up(); !outcome) return outcome;
  if (auto outcome = create(options_.root); !outcome) return outcome;
  const std::string value = make_value(options_.value_bytes, options_.seed);
  switch (options_.command) {
    case Command::kReads:
    case Command::kWrites:
    case Command::kMixed:
    case Command::kMulti:
    case Command::kChildren: return create_numbered(znode_prefix(options_), options_.znodes, value);
    case Command::kWatches: return create_numbered(znode_prefix(options_), 1, value);
    case Command::kLocks: {
      const uint64_t slots = uint64_t{options_.connections} * options_.window;
      return create_numbered(znode_prefix(options_), std::min(options_.znodes, slots), "");
    }
    case Command::kLoad: {
      const uint64_t parents = (options_.znodes + kZnodesPerParent - 1) / kZnodesPerParent;
      return create_numbered(parent_prefix(options_), parents, "");
    }
    default: return {};
  }
}

Preparation::Outcome Preparation::clean_up() {
  // Level by level downwards to find everything, then upwards to delete it.
  std::vector<std::vector<std::string>> levels = {{options_.root}};
  while (!levels.back().empty()) {
    const std::vector<std::string>& parents = levels.back();
    std::vector<std::string> children;
    auto outcome = send_all(
        parents.size(), [&](size_t i) { return make_get_children(parents[i]); },
        [&](size_t i, const Reply& reply) {
          if (reply.error != ErrorCode::kOk) return;  // there is none, or none any more
          JuteReader in(reply.body);
          std::vector<std::string_view> names;
          read_strings(in, names);
          for (const std::string_view name : names) {
            children.push_back(parents[i] + "/" + std::string(name));
          }
        });
    if (!outcome) return outcome;
    levels.push_back(std::move(children));
  }
  for (auto level = levels.rbegin(); level != levels.rend(); ++level) {
    ErrorCode error = ErrorCode::kOk;
    auto outcome = send_all(
        level->size(), [&](size_t i) { return make_delete((*level)[i]); },
        [&](size_t, const Reply& reply) {
          if (reply.error != ErrorCode::kOk && reply.error != ErrorCode::kNoNode) {
            error = reply.error;
          }
        });
    if (!outcome) return outcome;
    if (error != ErrorCode::kOk) {
      return tl::unexpected("cannot delete what is below " + options_.root + ": " +
                            std::string(name_of(error)));
    }
  }
  return {};
}

}  // namespace topod::bench
