#include "tools/ctl/queues.h"

#include <algorithm>
#include <utility>

#include "tools/client/core/queue.h"
#include "tools/ctl/text.h"
#include "tools/ctl/value.h"

namespace topod::ctl {

namespace {

constexpr size_t kReasonWidth = 60;

Contender contender_of(const Znode& znode) {
  Contender contender;
  contender.path = znode.path;
  contender.since_ms = znode.stat.ctime_ms;
  contender.session = znode.stat.ephemeral_owner;
  contender.token = znode.stat.czxid;
  const std::string_view bytes = znode.data ? std::string_view(*znode.data) : "";
  if (const auto lock = client::parse_lock_contents(bytes)) {
    contender.who = lock->user + "@" + lock->host;
    contender.reason = lock->action;
  } else {
    contender.who = value_line(znode.path, znode.data, kReasonWidth);
  }
  return contender;
}

Queue queue_at(const std::string& path) {
  Queue queue;
  queue.path = path;
  queue.named = path;
  if (name_in(path) == "locks") {
    queue.kind = Queue::Kind::kLock;
    queue.named = parent_of(path);
  } else if (name_in(parent_of(path)) == "elections") {
    queue.kind = Queue::Kind::kElection;
  }
  return queue;
}

Json contender_json(const Contender& contender, const SessionPlaces& places) {
  Json json;
  json["path"] = contender.path;
  json["holder"] = contender.who;
  json["reason"] = contender.reason;
  json["since"] = time_text_ms(contender.since_ms);
  json["session"] = hex_number(contender.session);
  json["token"] = hex_number(contender.token);
  const auto place = places.find(contender.session);
  json["client"] = place == places.end() ? "" : place->second.client;
  json["server"] = place == places.end() ? "" : place->second.server;
  return json;
}

}  // namespace

const char* name_of(Queue::Kind kind) {
  switch (kind) {
    case Queue::Kind::kLock: return "lock";
    case Queue::Kind::kElection: return "election";
    case Queue::Kind::kQueue: return "queue";
  }
  return "unknown";
}

std::vector<Queue> find_queues(const std::vector<Znode>& znodes) {
  std::map<std::string, std::vector<const Znode*>> by_queue;
  for (const Znode& znode : znodes) {
    if (znode.stat.ephemeral_owner != 0) by_queue[parent_of(znode.path)].push_back(&znode);
  }
  std::vector<Queue> queues;
  for (const auto& [path, members] : by_queue) {
    std::vector<std::string> names;
    for (const Znode* member : members) names.emplace_back(name_in(member->path));
    const auto entries = client::contenders(std::move(names));
    if (entries.empty()) continue;
    Queue queue = queue_at(path);
    for (const client::QueueEntry& entry : entries) {
      const auto found = std::find_if(members.begin(), members.end(), [&](const Znode* member) {
        return name_in(member->path) == entry.name;
      });
      const bool holds = client::predecessor(entries, entry.name, entry.is_reader) == nullptr;
      (holds ? queue.holders : queue.waiters).push_back(contender_of(**found));
    }
    queues.push_back(std::move(queue));
  }
  return queues;
}

void read_cons(std::string_view text, const std::string& server, SessionPlaces& places) {
  for (const std::string& line : split(text, '\n')) {
    const size_t slash = line.find('/');
    const size_t bracket = line.find('[');
    const size_t sid = line.find(",sid=");
    if (slash == std::string::npos || bracket == std::string::npos || sid == std::string::npos) {
      continue;
    }
    const std::string_view id = std::string_view(line).substr(sid + 5);
    const auto session = parse_number(id.substr(0, id.find_first_of(",)")));
    if (session) places[*session] = {line.substr(slash + 1, bracket - slash - 1), server};
  }
}

void print_queues(Output& out, const std::vector<Queue>& queues, const SessionPlaces& places,
                  int64_t now_ms) {
  Table table(
      {"KIND", "PATH", "PLACE", "WHO", "REASON", "AGE", "SESSION", "CLIENT", "SERVER", "TOKEN"});
  table.right(5);
  Json json = Json::array();
  for (const Queue& queue : queues) {
    Json entry = {{"kind", name_of(queue.kind)}, {"path", queue.named}, {"queue", queue.path}};
    entry["holders"] = Json::array();
    entry["waiters"] = Json::array();
    const auto add = [&](const Contender& contender, const Cell& place, const char* list) {
      const auto found = places.find(contender.session);
      const SessionPlace at = found == places.end() ? SessionPlace{} : found->second;
      table.add({name_of(queue.kind), queue.named, place, contender.who, contender.reason,
                 age_text(now_ms - contender.since_ms), hex_number(contender.session), at.client,
                 at.server, hex_number(contender.token)});
      entry[list].push_back(contender_json(contender, places));
    };
    const bool election = queue.kind == Queue::Kind::kElection;
    for (const Contender& one : queue.holders) {
      add(one, Cell(election ? "leads" : "holds", Colour::kGood), "holders");
    }
    size_t place = 0;
    for (const Contender& one : queue.waiters) {
      add(one, Cell("waits " + std::to_string(++place), Colour::kDim), "waiters");
    }
    json.push_back(std::move(entry));
  }
  out.print(table, json);
}

}  // namespace topod::ctl
