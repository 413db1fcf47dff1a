// Commands that look through a subtree: find, du.
#include <algorithm>
#include <map>
#include <optional>

#include "tools/ctl/command.h"
#include "tools/ctl/text.h"
#include "tools/ctl/value.h"

namespace topod::ctl {

namespace {

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
  app.add_option("--larger", options.larger_bytes, "more data than this")
      ->type_name("BYTES")
      ->check(not_negative());
  app.add_option("--changed-within", options.changed_within_s, "data changed in the last seconds")
      ->type_name("S")
      ->check(not_negative());
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
        static_cast<double>(wall_ms() - stat.mtime_ms) > wanted.changed_within_s * 1000) {
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
  app.add_option("--top", options.top, "only the largest so many")
      ->type_name("N")
      ->check(not_negative());
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
  usages.reserve(by_path.size());
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

constexpr const char* kGroup = "Data";

}  // namespace

std::vector<Command> search_commands() {
  return {
      {"find", kGroup, "paths of znodes that fulfil all conditions", "",
       "topoctl find /vitess --type Tablet --contains '\"keyspace\": \"commerce\"'\n"
       "topoctl find / --ephemeral\n"
       "topoctl find / --larger 100000\n"
       "topoctl find /vitess --name '*-0000000100' --changed-within 60",
       with_options_and_gaps(declare_find, run_find)},
      {"du", kGroup, "which subtrees are big",
       "Counts the data of znodes; names, ACLs and what a server needs beside them are not in it.",
       "topoctl du /\n"
       "topoctl du --depth 10 --top 20 /vitess",
       with_options_and_gaps(declare_du, run_du)},
  };
}

}  // namespace topod::ctl
