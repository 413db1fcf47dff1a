// Locks and elections as an operator sees them: every queue of ephemeral sequential znodes, who
// stands first, who waits, and through which connection. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/ctl/output.h"
#include "tools/ctl/znodes.h"

namespace topod::ctl {

struct Contender {
  std::string path;
  std::string who;     // user@host, or what a candidate calls itself
  std::string reason;  // of a lock
  int64_t since_ms = 0;
  int64_t session = 0;
  int64_t token = 0;  // the znode's czxid
};

struct Queue {
  enum class Kind { kLock, kElection, kQueue };
  Kind kind = Kind::kQueue;
  std::string path;                // of the queue itself
  std::string named;               // as users know it: the locked directory, the post
  std::vector<Contender> holders;  // more than one if they share it
  std::vector<Contender> waiters;  // the next one first
};
[[nodiscard]] const char* name_of(Queue::Kind kind);

// Queues among these, which were read with the data of ephemeral znodes at least.
[[nodiscard]] std::vector<Queue> find_queues(const std::vector<Znode>& znodes);

// Where a session is connected.
struct SessionPlace {
  std::string client;
  std::string server;
};
using SessionPlaces = std::map<int64_t, SessionPlace>;
// Adds what a server's answer to "cons" tells.
void read_cons(std::string_view text, const std::string& server, SessionPlaces& places);

void print_queues(Output& out, const std::vector<Queue>& queues, const SessionPlaces& places,
                  int64_t now_ms);

}  // namespace topod::ctl
