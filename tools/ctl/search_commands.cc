// Commands that look through a subtree: find, du, watch.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "tools/ctl/child_process.h"
#include "tools/ctl/command.h"
#include "tools/ctl/text.h"
#include "tools/ctl/value.h"

namespace topod::ctl {

namespace {

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// ---- find --------------------------------------------------------------------------------------

struct FindOptions {
  std::string path = "/";
  std::string name;
  std::string type;
  std::string contains;
  std::string session;
  bool ephemeral = false;
  bool empty = false;
  int64_t larger_bytes = -1;
  double changed_within_s = -1;
};

void declare_find(CLI::App& app, FindOptions& options) {
  add_path(app, options.path);
  app.add_option("--name", options.name, "last component matches, with * and ?")
      ->type_name("PATTERN");
  app.add_option("--type", options.type, "a record of this type: Tablet, Shard, ...")
      ->type_name("RECORD");
  app.add_option("--contains", options.contains, "the data, decoded, contain this text")
      ->type_name("TEXT");
  app.add_flag("--ephemeral", options.ephemeral, "of a session");
  app.add_option("--session", options.session, "of this session")->type_name("ID");
  app.add_flag("--empty", options.empty, "without data and without children");
  app.add_option("--larger", options.larger_bytes, "more data than this")->type_name("BYTES");
  app.add_option("--changed-within", options.changed_within_s, "data changed in the last seconds")
      ->type_name("S");
}

class Filter {
 public:
  static Result<Filter> of(const FindOptions& options) {
    Filter filter(options);
    if (!options.type.empty()) {
      filter.type_ = record_type_named(options.type);
      if (!filter.type_) {
        return failure(ExitCode::kUsage, "there is no record type " + options.type);
      }
    }
    if (!options.session.empty()) {
      filter.session_ = parse_number(options.session);
      if (!filter.session_) {
        return failure(ExitCode::kUsage, options.session + " is no session, such as 0x100000002");
      }
    }
    return filter;
  }

  [[nodiscard]] bool needs_data() const { return !options_->contains.empty(); }

  [[nodiscard]] bool matches(const Znode& znode) const {
    const FindOptions& wanted = *options_;
    const Stat& stat = znode.stat;
    if (!wanted.name.empty() && !matches_pattern(wanted.name, name_in(znode.path))) return false;
    if (type_ && record_type_of(znode.path) != type_) return false;
    if (wanted.ephemeral && stat.ephemeral_owner == 0) return false;
    if (session_ && stat.ephemeral_owner != *session_) return false;
    if (wanted.empty && (stat.data_length > 0 || stat.num_children > 0)) return false;
    if (stat.data_length <= wanted.larger_bytes) return false;
    if (wanted.changed_within_s >= 0 &&
        static_cast<double>(now_ms() - stat.mtime_ms) > wanted.changed_within_s * 1000) {
      return false;
    }
    return !needs_data() ||
           value_text(znode.path, znode.data).find(wanted.contains) != std::string::npos;
  }

 private:
  explicit Filter(const FindOptions& options) : options_(&options) {}
  const FindOptions* options_;
  std::optional<RecordType> type_;
  std::optional<int64_t> session_;
};

Result<int> run_find(Context& context, const FindOptions& options) {
  const auto filter = Filter::of(options);
  if (!filter) return tl::unexpected(filter.error());
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto all = (*znodes)->walk(options.path, {.with_data = filter->needs_data()});
  if (!all) return tl::unexpected(all.error());
  Json json = Json::array();
  std::string lines;
  for (const Znode& znode : *all) {
    if (!filter->matches(znode)) continue;
    lines += escaped(znode.path) + "\n";
    json.push_back({{"path", znode.path}, {"stat", stat_json(znode.stat)}});
  }
  if (context.out().is_json()) {
    context.out().print_json(json);
  } else {
    context.out().print_raw(lines);
  }
  return kDone;
}

// ---- du ----------------------------------------------------------------------------------------

struct DuOptions {
  std::string path = "/";
  int depth = 1;
  size_t top = 0;
};

void declare_du(CLI::App& app, DuOptions& options) {
  add_path(app, options.path);
  app.add_option("-d,--depth", options.depth, "levels that get a line of their own: 1")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000).description(""));
  app.add_option("--top", options.top, "only the largest so many")->type_name("N");
}

struct Usage {
  std::string path;
  uint64_t bytes = 0;
  uint64_t znodes = 0;
  uint64_t ephemerals = 0;
};

// What each subtree of the first `depth` levels holds, the largest first.
std::vector<Usage> usage_of(const std::vector<Znode>& all, const std::string& root, int depth) {
  std::map<std::string, Usage> by_path;
  for (const Znode& znode : all) {
    std::string path = znode.path;
    const auto level_of = [&](const std::string& of) {
      const auto slashes = std::count(of.begin(), of.end(), '/');
      return (of == "/" ? 0 : slashes) -
             (root == "/" ? 0 : std::count(root.begin(), root.end(), '/'));
    };
    for (auto level = level_of(path);; --level) {
      if (level <= depth) {
        Usage& usage = by_path[path];
        usage.path = path;
        usage.bytes += static_cast<uint64_t>(znode.stat.data_length);
        ++usage.znodes;
        usage.ephemerals += znode.stat.ephemeral_owner != 0 ? 1U : 0U;
      }
      if (level <= 0) break;
      path = parent_of(path);
    }
  }
  std::vector<Usage> usages;
  for (auto& [path, usage] : by_path) usages.push_back(std::move(usage));
  std::stable_sort(usages.begin(), usages.end(),
                   [](const Usage& a, const Usage& b) { return a.bytes > b.bytes; });
  return usages;
}

Result<int> run_du(Context& context, const DuOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto all = (*znodes)->walk(options.path, {});
  if (!all) return tl::unexpected(all.error());
  std::vector<Usage> usages = usage_of(*all, options.path, options.depth);
  if (options.top > 0 && usages.size() > options.top) usages.resize(options.top);
  Table table({"SIZE", "BYTES", "ZNODES", "EPHEMERAL", "PATH"});
  table.right(0).right(1).right(2).right(3);
  Json json = Json::array();
  for (const Usage& usage : usages) {
    table.add({size_text(usage.bytes), std::to_string(usage.bytes), std::to_string(usage.znodes),
               std::to_string(usage.ephemerals), usage.path});
    json.push_back({{"path", usage.path},
                    {"bytes", usage.bytes},
                    {"znodes", usage.znodes},
                    {"ephemerals", usage.ephemerals}});
  }
  context.out().print(table, json);
  return kDone;
}

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
  app.add_option("-n,--count", options.count, "end after so many changes")->type_name("N");
  app.add_option("--timeout", options.timeout_s, "end after so many seconds")->type_name("S");
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
  const int64_t at_ms = now_ms();
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

Result<int> run_watch(Context& context, const WatchOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  client::Client& client = (*znodes)->client();
  const HeldSignals signals;
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
    if (!news) continue;
    if (auto done = show_change(context, **znodes, *news); !done) {
      return tl::unexpected(done.error());
    }
    ++shown;
  }
  return kDone;
}

constexpr const char* kGroup = "Data";

}  // namespace

std::vector<Command> search_commands() {
  return {
      {"find", kGroup, "paths of znodes that fulfil all conditions", "",
       "topoctl find /vitess --type Tablet --contains '\"keyspace\": \"commerce\"'\n"
       "topoctl find / --ephemeral\n"
       "topoctl find / --larger 100000\n"
       "topoctl find /vitess --name '*-0000000100' --changed-within 60",
       with_options(declare_find, run_find)},
      {"du", kGroup, "which subtrees are big",
       "Counts the data of znodes; names, ACLs and what a server needs beside them are not in it.",
       "topoctl du /\n"
       "topoctl du --depth 10 --top 20 /vitess",
       with_options(declare_du, run_du)},
      {"watch", kGroup, "changes of a znode as they happen, decoded",
       "Goes on until ^C. Each change is shown with the value that the znode has when it is read:\n"
       "of changes in quick succession the last value may be shown for several.",
       "topoctl watch /vitess/zone1/SrvVSchema\n"
       "topoctl watch -r /vitess/global -o json\n"
       "topoctl watch -n 1 /vitess/global/keyspaces/commerce/shards/0/Shard && echo changed",
       with_options(declare_watch, run_watch)},
  };
}

}  // namespace topod::ctl
