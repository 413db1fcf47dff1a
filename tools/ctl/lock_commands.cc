// Commands on locks and elections: locks, locks break, lock, elect.
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "tools/client/four_letter.h"
#include "tools/client/lock.h"
#include "tools/ctl/child_process.h"
#include "tools/ctl/command.h"
#include "tools/ctl/member.h"
#include "tools/ctl/queues.h"
#include "tools/ctl/text.h"
#include "tools/ctl/topology.h"

namespace topod::ctl {

namespace {

constexpr const char* kGroup = "Locks";

// ---- locks -------------------------------------------------------------------------------------

struct LocksOptions {
  std::vector<std::string> paths;
};

void declare_locks(CLI::App& app, LocksOptions& options) {
  app.require_subcommand(0);
  takes_paths(app.add_option("path", options.paths, "look below these only; / is everything"));
}

// Where the sessions of an ensemble are connected, as far as its members tell.
void find_sessions(const std::string& addresses, int64_t timeout_ms, SessionPlaces& places) {
  const auto servers = client::parse_addresses(addresses);
  if (!servers) return;
  for (const MemberReport& member : ask_members(*servers, timeout_ms, true)) {
    if (!member.answers()) continue;
    const auto address = client::parse_addresses(member.address);
    if (!address) continue;
    const auto text =
        client::four_letter_word(address->front(), "cons", std::chrono::milliseconds(timeout_ms));
    if (text) read_cons(*text, member.address, places);
  }
}

struct Found {
  std::vector<Queue> queues;
  SessionPlaces places;
};

Result<void> look_below(Znodes& znodes, const std::string& root, Found& found) {
  // Names first: a topology is large, and its locks are few.
  const auto all = znodes.walk(root, {});
  if (!all && all.error().code == ExitCode::kNotFound) return {};
  if (!all) return tl::unexpected(all.error());
  std::vector<std::string> ephemeral;
  for (const Znode& znode : *all) {
    if (znode.stat.ephemeral_owner != 0) ephemeral.push_back(znode.path);
  }
  const auto contenders = znodes.get_all(ephemeral);
  if (!contenders) return tl::unexpected(contenders.error());
  for (Queue& queue : find_queues(*contenders)) found.queues.push_back(std::move(queue));
  return {};
}

Result<int> list_everywhere(Context& context, Found& found) {
  const auto topology = read_topology(context, {.keyspaces = false, .cells = false});
  if (!topology) return tl::unexpected(topology.error());
  const auto global = context.global();
  if (!global) return tl::unexpected(global.error());
  if (auto done = look_below(**global, topology->root, found); !done) {
    return tl::unexpected(done.error());
  }
  std::set<std::string> asked = {(*global)->addresses()};
  find_sessions((*global)->addresses(), context.timeout_ms(), found.places);
  int code = kDone;
  for (const auto& [name, cell] : topology->cells) {
    const auto znodes = context.servers(cell.servers);
    const auto done =
        znodes ? look_below(**znodes, cell.root, found) : tl::unexpected(znodes.error());
    if (!done) {
      context.warn("cell " + name + " is missing here: " + done.error().what);
      code = static_cast<int>(ExitCode::kUnreachable);
    } else if (asked.insert(cell.servers).second) {
      find_sessions(cell.servers, context.timeout_ms(), found.places);
    }
  }
  return code;
}

Result<int> run_locks(Context& context, const LocksOptions& options) {
  Found found;
  int code = kDone;
  if (options.paths.empty() && context.options().cell.empty()) {
    const auto listed = list_everywhere(context, found);
    if (!listed) return tl::unexpected(listed.error());
    code = *listed;
  } else {
    const auto znodes = context.znodes();
    if (!znodes) return tl::unexpected(znodes.error());
    for (const std::string& path :
         options.paths.empty() ? std::vector<std::string>{"/"} : options.paths) {
      const auto there = (*znodes)->exists(path);
      if (!there) return tl::unexpected(there.error());
      if (!*there) return failure(ExitCode::kNotFound, path + ": there is no such znode");
      if (auto done = look_below(**znodes, path, found); !done) {
        return tl::unexpected(done.error());
      }
    }
    find_sessions((*znodes)->addresses(), context.timeout_ms(), found.places);
  }
  print_queues(context.out(), found.queues, found.places, wall_ms());
  return code;
}

// ---- locks break -------------------------------------------------------------------------------

struct BreakOptions {
  std::string path;
  bool dry_run = false;
};

void declare_break(CLI::App& app, BreakOptions& options) {
  add_path(app, options.path)->required();
  app.add_flag("--dry-run", options.dry_run, "say whose it is, and leave it");
}

// The znode of whoever holds what this path names: a locked directory, a queue, or a contender.
Result<Znode> find_holder(Znodes& znodes, const std::string& path) {
  for (const std::string& candidate : {path, join_path(path, "locks")}) {
    const auto children = znodes.children_if_there(candidate);
    if (!children) return tl::unexpected(children.error());
    std::vector<std::string> paths = {candidate};
    for (const std::string& name : *children) paths.push_back(join_path(candidate, name));
    const auto found = znodes.get_all(paths);
    if (!found) return tl::unexpected(found.error());
    if (!found->empty() && found->front().path == path &&
        found->front().stat.ephemeral_owner != 0) {
      return found->front();
    }
    const std::vector<Queue> queues = find_queues(*found);
    for (const Queue& queue : queues) {
      if (queue.path != candidate || queue.holders.empty()) continue;
      for (const Znode& znode : *found) {
        if (znode.path == queue.holders.front().path) return znode;
      }
    }
  }
  return failure(ExitCode::kNotFound, "nobody holds " + path);
}

Result<int> run_break(Context& context, const BreakOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto holder = find_holder(**znodes, options.path);
  if (!holder) return tl::unexpected(holder.error());
  const std::vector<Queue> queues = find_queues({*holder});
  const std::string who = queues.empty() ? "" : queues.front().holders.front().who;
  Json json = {{"path", holder->path}, {"holder", who}};
  json["session"] = hex_number(holder->stat.ephemeral_owner);
  json["done"] = options.dry_run ? "nothing" : "broken";
  const std::string whose =
      holder->path + " of " + who + ", session " + hex_number(holder->stat.ephemeral_owner);
  if (options.dry_run) {
    context.out().print_done("would break " + whose, json);
    return kDone;
  }
  if (auto done = (*znodes)->remove(holder->path, holder->stat.version); !done) {
    return tl::unexpected(done.error());
  }
  context.out().print_done("broken: " + whose + ". Its session lives on and may not notice at once",
                           json);
  return kDone;
}

// ---- lock and elect ----------------------------------------------------------------------------

struct LockCommandOptions {
  std::string path;
  bool queue = false;
  bool shared = false;
  bool write = false;
  std::string style = "curator";
  std::string reason = "topoctl lock";
  double timeout_s = 45;
  std::vector<std::string> command;
};

void declare_lock(CLI::App& app, LockCommandOptions& options) {
  add_path(app, options.path)->required();
  auto* queue = app.add_flag("--queue", options.queue, "the path is the queue itself");
  auto* shared = app.add_flag("--shared", options.shared, "a reader among readers, in a queue");
  shared->needs(queue);
  app.add_flag("--write", options.write, "a writer whom Curator's readers wait for, in a queue")
      ->needs(queue)
      ->excludes(shared);
  app.add_option("--style", options.style, "names in a queue: curator or kazoo")
      ->type_name("STYLE")
      ->check(CLI::IsMember({"curator", "kazoo"}))
      ->needs(queue);
  app.add_option("--reason", options.reason, "what others see")->type_name("TEXT");
  app.add_option("--timeout", options.timeout_s, "seconds to wait for it: 45")
      ->type_name("S")
      ->check(CLI::Range(0.0, 1e6).description(""));
  app.add_option("command", options.command, "behind --, run while the lock is held")
      ->type_name("COMMAND")
      ->required();
}

void tell_wait(const client::Contender::Waits& waits) {
  std::fprintf(stderr, "topoctl: waiting behind %s, %zu ahead: %s\n", escaped(waits.behind).c_str(),
               waits.ahead, escaped(client::describe_contents(waits.contents)).c_str());
}

// Runs the command while `lock` is held.
Result<int> run_under(Context& context, const HeldSignals& signals, client::Lock& lock,
                      const std::vector<std::string>& command) {
  const std::map<std::string, std::string> environment = {
      {"TOPOCTL_LOCK_PATH", lock.path()},
      {"TOPOCTL_LOCK_TOKEN", std::to_string(lock.token().value())}};
  const auto ended = signals.run(command, environment, [&] { return lock.lost().has_value(); });
  if (const auto why = lock.lost()) {
    context.warn(std::string("the lock was lost while the command ran: ") + client::name_of(*why) +
                 "; the command was stopped");
    return static_cast<int>(ExitCode::kLockLost);
  }
  if (!lock.release(std::chrono::milliseconds(context.timeout_ms()))) {
    context.warn("the release is not confirmed; it goes with the session at the latest");
  }
  return ended;
}

Result<int> run_lock(Context& context, const LockCommandOptions& options) {
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  const auto root = context.chosen_root();
  if (!root) return tl::unexpected(root.error());
  client::LockOptions lock;
  lock.path = options.path;
  lock.is_queue = options.queue;
  lock.style = options.style == "kazoo" ? client::NameStyle::kKazoo : client::NameStyle::kCurator;
  if (options.shared) lock.kind = client::PlaceKind::kReader;
  if (options.write) lock.kind = client::PlaceKind::kWriter;
  if (is_below(options.path, *root)) lock.root = *root;
  lock.reason = options.reason;
  lock.timeout_ms = static_cast<int32_t>(options.timeout_s * 1000);
  if (lock.timeout_ms > 0) lock.on_wait = tell_wait;
  const HeldSignals signals;
  lock.gives_up = [&] { return signals.pending(); };
  auto held = client::Lock::acquire((*znodes)->client(), std::move(lock));
  if (const auto interrupted = signals.exit_code()) return *interrupted;
  if (!held) return tl::unexpected(failure_of(held.error()));
  return run_under(context, signals, **held, options.command);
}

struct ElectOptions {
  std::string post;
  bool queue = false;
  std::string id;
  bool follow = false;
  double timeout_s = 86'400;
  std::vector<std::string> command;
};

void declare_elect(CLI::App& app, ElectOptions& options) {
  app.add_option("post", options.post, "its name: ROOT/elections/NAME is the queue")
      ->type_name("NAME")
      ->required();
  app.add_flag("--queue", options.queue, "the name is the path of the queue itself");
  app.add_option("--id", options.id, "how others know this candidate: host:pid")->type_name("ID");
  app.add_flag("-w,--watch", options.follow, "without a command: show every change of leader");
  app.add_option("--timeout", options.timeout_s, "seconds to wait for the post: a day")
      ->type_name("S")
      ->check(CLI::Range(0.0, 1e6).description(""));
  app.add_option("command", options.command, "behind --, run while leading")->type_name("COMMAND");
}

void print_leader(Context& context, const std::optional<client::Leader>& leader) {
  Json json;
  json["leader"] = leader ? Json(leader->id) : Json();
  if (leader) json["path"] = leader->path;
  if (leader) json["token"] = hex_number(leader->token.value());
  if (context.out().is_json()) {
    context.out().print_json_line(json);
  } else {
    context.out().print_line(leader ? escaped(leader->id) : "nobody");
  }
  context.out().flush();
}

Result<int> follow_leader(Context& context, Znodes& znodes, const std::string& queue) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<client::Error> error;
  const HeldSignals signals;
  const client::LeaderFollower follower(
      znodes.client(), queue, [&](const client::Result<std::optional<client::Leader>>& leader) {
        if (leader) return print_leader(context, *leader);
        const std::scoped_lock guard(mutex);
        error = leader.error();
        changed.notify_all();
      });
  constexpr auto kLook = std::chrono::milliseconds(100);
  std::unique_lock guard(mutex);
  while (!changed.wait_for(guard, kLook, [&] { return error.has_value(); })) {
    if (const auto interrupted = signals.exit_code()) return *interrupted;
  }
  if (error->failure == client::Failure::kRefused) return tl::unexpected(failure_of(*error));
  return failure(ExitCode::kUnreachable, "the session has ended");
}

Result<int> run_elect(Context& context, const ElectOptions& options) {
  const auto root = context.chosen_root();
  if (!root) return tl::unexpected(root.error());
  const std::string queue =
      options.queue ? options.post : join_path(join_path(*root, "elections"), options.post);
  if (const std::string trouble = path_trouble(queue); !trouble.empty()) {
    return failure(ExitCode::kUsage, trouble);
  }
  const auto znodes = context.znodes();
  if (!znodes) return tl::unexpected(znodes.error());
  if (options.command.empty()) {
    if (options.follow) return follow_leader(context, **znodes, queue);
    const auto leader = client::current_leader((*znodes)->client(), queue);
    if (!leader && !leader.error().is(ErrorCode::kNoNode)) {
      return tl::unexpected(failure_of(leader.error()));
    }
    const auto now = leader ? *leader : std::optional<client::Leader>();
    print_leader(context, now);
    return now ? kDone : static_cast<int>(ExitCode::kNotFound);
  }
  client::CandidateOptions candidate;
  candidate.queue = queue;
  candidate.id =
      options.id.empty() ? client::host_name() + ":" + std::to_string(getpid()) : options.id;
  candidate.timeout_ms = static_cast<int32_t>(options.timeout_s * 1000);
  if (candidate.timeout_ms > 0) candidate.on_wait = tell_wait;
  const HeldSignals signals;
  candidate.gives_up = [&] { return signals.pending(); };
  auto post = client::Lock::lead((*znodes)->client(), std::move(candidate));
  if (const auto interrupted = signals.exit_code()) return *interrupted;
  if (!post) return tl::unexpected(failure_of(post.error()));
  return run_under(context, signals, **post, options.command);
}

}  // namespace

std::vector<Command> lock_commands() {
  return {
      {"locks", kGroup, "every lock and election: who holds it, why, since when, who waits",
       "Without a path: of the global topology and of all its cells. Whatever sequential "
       "ephemeral\n"
       "child stands in a queue counts, whoever made it. TOKEN grows from holder to holder.",
       "topoctl locks\n"
       "topoctl locks / -o json | jq '.[] | select(.waiters != [])'\n"
       "topoctl locks break /vitess/global/keyspaces/commerce",
       with_options_and_gaps(declare_locks, run_locks)},
      {"locks break", kGroup, "remove the holder's znode, so that the next one has the lock",
       "The path is that of the locked directory, of the queue, or of a contender. The holder's\n"
       "session lives on: a holder that does not watch its lock goes on as if it had it, unless\n"
       "what it writes to refuses its token. So see first that it is dead.",
       "topoctl locks break --dry-run /vitess/global/keyspaces/commerce/shards/0\n"
       "topoctl locks break /vitess/global/keyspaces/commerce/shards/0",
       with_options(declare_break, run_break)},
      {"lock", kGroup, "run a command under a lock",
       "The lock is Vitess's of the directory PATH, whose queue is PATH/locks; with --queue PATH\n"
       "is the queue, as Curator and kazoo take it: Curator's mutex and kazoo's Lock without "
       "more,\n"
       "their read/write locks with --shared or --write. The command has TOPOCTL_LOCK_TOKEN, "
       "which\n"
       "grows from holder to holder, and TOPOCTL_LOCK_PATH in its environment; it is stopped,\n"
       "with exit code 8, if the lock is lost. Exit code 6: not obtained in time. Else the\n"
       "command's own.",
       "topoctl lock /vitess/global/keyspaces/commerce --reason Reparent -- ./reparent.sh\n"
       "topoctl lock --queue /jobs/nightly --timeout 0 -- sh -c 'echo token $TOPOCTL_LOCK_TOKEN'",
       with_options(declare_lock, run_lock)},
      {"elect", kGroup, "who leads; with a command: stand for election and run it while leading",
       "Vitess's way: candidates stand in ROOT/elections/NAME, the first one leads. Exit code 4 "
       "if\n"
       "nobody leads, 8 if the post was lost while the command ran.",
       "topoctl elect vtctld\n"
       "topoctl elect vtctld --watch\n"
       "topoctl elect backups --id $(hostname) -- ./backup-loop.sh",
       with_options(declare_elect, run_elect)},
  };
}

}  // namespace topod::ctl
