// The command that looks on: watch.
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "tools/ctl/child_process.h"
#include "tools/ctl/command.h"
#include "tools/ctl/text.h"
#include "tools/ctl/value.h"

namespace topod::ctl {

namespace {

// ---- watch -------------------------------------------------------------------------------------

struct WatchOptions {
  std::string path;
  bool recursive = false;
  int64_t count = 0;
  double timeout_s = 0;
};

void declare_watch(CLI::App& app, WatchOptions& options) {
  add_path(app, options.path)->required();
  app.add_flag("-r,--recursive", options.recursive, "everything below, too");
  app.add_option("-n,--count", options.count, "end after so many changes")
      ->type_name("N")
      ->check(not_negative());
  app.add_option("--timeout", options.timeout_s, "end after so many seconds")
      ->type_name("S")
      ->check(CLI::Range(0.0, 1e9).description(""));
}

const char* verb_of(EventType type) {
  switch (type) {
    case EventType::kNodeCreated: return "created";
    case EventType::kNodeDeleted: return "deleted";
    case EventType::kNodeDataChanged: return "changed";
    case EventType::kNodeChildrenChanged: return "children";
    case EventType::kNone: break;
  }
  return "lost";
}

Colour colour_of(EventType type) {
  switch (type) {
    case EventType::kNodeCreated: return Colour::kGood;
    case EventType::kNodeDeleted: return Colour::kBad;
    default: return Colour::kWarning;
  }
}

// While the session is between two servers nobody is told of changes. Shared with the client's
// thread.
class Interruption {
 public:
  static std::shared_ptr<Interruption> observe(client::Client& client) {
    auto shared = std::make_shared<Interruption>();
    client.post([shared](client::Connection& connection) {
      connection.observe({[](const client::WatchNews&) {},
                          [shared, &connection](client::SessionState state) {
                            shared->take(state, connection.session().last_zxid());
                          }});
    });
    return shared;
  }

  // Once it is over: up to which zxid everything was told.
  [[nodiscard]] std::optional<Zxid> over() const {
    const std::scoped_lock guard(mutex_);
    return is_connected_ ? since_ : std::nullopt;
  }
  // All of it has been read again, unless there has been another one.
  void forget() {
    const std::scoped_lock guard(mutex_);
    if (is_connected_) since_.reset();
  }

 private:
  void take(client::SessionState state, Zxid seen) {
    const std::scoped_lock guard(mutex_);
    is_connected_ = state == client::SessionState::kConnected;
    if (!is_connected_ && !since_) since_ = seen;
  }

  mutable std::mutex mutex_;
  bool is_connected_ = true;
  std::optional<Zxid> since_;
};

// One change, with what the znode holds now: several changes may be shown with the last value.
Result<void> show_change(Context& context, Znodes& znodes, const client::WatchNews& news) {
  const bool has_value =
      news.type == EventType::kNodeCreated || news.type == EventType::kNodeDataChanged;
  std::optional<Node> node;
  if (has_value) {
    auto found = znodes.get_if_there(news.path);
    if (!found) return tl::unexpected(found.error());
    node = std::move(*found);
  }
  const int64_t at_ms = wall_ms();
  Output& out = context.out();
  if (out.is_json()) {
    Json json;
    json["time"] = time_text_ms(at_ms);
    json["event"] = verb_of(news.type);
    json["path"] = news.path;
    if (news.zxid.value() > 0) json["zxid"] = hex_number(news.zxid.value());
    if (node) {
      add_value(json, news.path, node->data, true);
      json["version"] = node->stat.version;
    }
    out.print_json_line(json);
  } else if (out.format() == Format::kText) {
    out.print_line(time_text_ms(at_ms) + "\t" + verb_of(news.type) + "\t" + escaped(news.path) +
                   "\t" + (node ? value_line(news.path, node->data, 1'000) : ""));
  } else {
    out.print_line(
        time_text_ms(at_ms) + "  " + out.coloured(verb_of(news.type), colour_of(news.type)) + "  " +
        escaped(news.path) + (node ? "  version " + std::to_string(node->stat.version) : ""));
    if (node) out.print_raw(value_text(news.path, node->data));
  }
  out.flush();
  return {};
}

void show_interruption(Context& context, const std::string& path, Zxid since) {
  Output& out = context.out();
  const std::string at = time_text_ms(wall_ms());
  if (out.is_json()) {
    Json json;
    json["time"] = at;
    json["event"] = "interrupted";
    json["path"] = path;
    json["since"] = hex_number(since.value());
    out.print_json_line(json);
  } else if (out.format() == Format::kText) {
    out.print_line(at + "\tinterrupted\t" + escaped(path) + "\t");
  } else {
    out.print_line(at + "  " + out.coloured("interrupted", Colour::kBad) + "  " + escaped(path) +
                   "  the connection was lost for a while: what exists and has changed since " +
                   hex_number(since.value()) + " follows, what was deleted does not");
  }
  out.flush();
}

// What has changed since then, as far as it still shows. The number of changes.
Result<int64_t> show_missed(Context& context, Znodes& znodes, const WatchOptions& options,
                            Zxid since) {
  const auto all = znodes.walk(options.path, {.depth = options.recursive ? 1'000'000 : 0});
  if (!all && all.error().code == ExitCode::kNotFound) return 0;
  if (!all) return tl::unexpected(all.error());
  int64_t shown = 0;
  for (const Znode& znode : *all) {
    const Zxid changed(znode.stat.mzxid);
    const bool is_new = Zxid(znode.stat.czxid) > since;
    if (changed <= since) continue;
    const EventType type = is_new ? EventType::kNodeCreated : EventType::kNodeDataChanged;
    if (auto done = show_change(context, znodes, {type, znode.path, changed}); !done) {
      return tl::unexpected(done.error());
    }
    ++shown;
  }
  return shown;
}

Result<int> run_watch(Context& context, const WatchOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  client::Client& client = (*znodes)->client();
  const HeldSignals signals;
  const auto interruption = Interruption::observe(client);
  if (auto added = client.add_watch(options.path, options.recursive); !added) {
    return tl::unexpected(failure_of(added.error()));
  }
  if (context.out().format() == Format::kTable) {
    context.out().print_line(context.out().coloured("watching " + options.path, Colour::kDim));
    context.out().flush();
  }
  const int64_t end_ms = options.timeout_s > 0 ? client::monotonic_ms() +
                                                     static_cast<int64_t>(options.timeout_s * 1000)
                                               : INT64_MAX;
  int64_t shown = 0;
  while (options.count == 0 || shown < options.count) {
    const int64_t left_ms = end_ms - client::monotonic_ms();
    if (left_ms <= 0) return kDone;
    if (const auto interrupted = signals.exit_code()) return *interrupted;
    constexpr int64_t kLookMs = 100;
    const auto news = client.next_news(std::chrono::milliseconds(std::min(left_ms, kLookMs)));
    if (!news && is_final(client.state())) {
      return failure(ExitCode::kUnreachable, "the session has ended, changes may be missed");
    }
    if (const auto since = interruption->over()) {
      interruption->forget();
      show_interruption(context, options.path, *since);
      const auto missed = show_missed(context, **znodes, options, *since);
      if (!missed) return tl::unexpected(missed.error());
      shown += *missed;
    }
    if (!news) continue;
    if (auto done = show_change(context, **znodes, *news); !done) {
      return tl::unexpected(done.error());
    }
    ++shown;
  }
  return kDone;
}

}  // namespace

std::vector<Command> watch_commands() {
  return {
      {"watch", "Data", "changes of a znode as they happen, decoded",
       "Goes on until ^C. Each change is shown with the value that the znode has when it is read:\n"
       "of changes in quick succession the last value may be shown for several. When its server\n"
       "dies it goes on with another one: \"interrupted\" is shown, and what has changed "
       "meanwhile\n"
       "and still exists.",
       "topoctl watch /vitess/zone1/SrvVSchema\n"
       "topoctl watch -r /vitess/global -o json\n"
       "topoctl watch -n 1 /vitess/global/keyspaces/commerce/shards/0/Shard && echo changed",
       with_options(declare_watch, run_watch)},
  };
}

}  // namespace topod::ctl
