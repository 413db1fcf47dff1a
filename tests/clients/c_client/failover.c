// A session of an ensemble whose members come and go: `servers` is a list, and the program asks its
// caller with "# stop the server" and "# start the server" to end one of them and to bring it back.
// The session must live on, and what was acknowledged must be there.

#include <stdio.h>
#include <time.h>

#include "checks.h"
#include "groups.h"

enum {
  kRounds = 4,
  kWritesPerStep = 100,  // that are acknowledged
  kNumbersMax = 10000,
  kStepDeadlineS = 60,
};

static struct Session session;
static bool acknowledged[kNumbersMax];
static int last_number;

static void pause_a_moment(void) {
  const struct timespec moment = {.tv_sec = 0, .tv_nsec = 2000000};
  nanosleep(&moment, NULL);
}

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void path_of(int number, char* path) {
  snprintf(path, kPathMax, "/c-failover/%06d", number);
}

// A write whose outcome is not known is not tried again.
static void write_nodes(const char* when) {
  const double give_up = now_s() + kStepDeadlineS;
  int done = 0, unexpected = ZOK;
  while (done < kWritesPerStep && last_number + 1 < kNumbersMax && now_s() < give_up) {
    char path[kPathMax];
    path_of(++last_number, path);
    const int code =
        zoo_create(session.handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    if (code == ZOK) {
      acknowledged[last_number] = true;
      ++done;
    } else {
      if (code != ZCONNECTIONLOSS && code != ZOPERATIONTIMEOUT) unexpected = code;
      pause_a_moment();
    }
  }
  check_number(kWritesPerStep, done, when);
  check_code(ZOK, unexpected, "writes are answered, or their connection is lost");
}

static void check_all_there(void) {
  int missing = 0;
  struct Stat stat;
  for (int number = 1; number <= last_number; ++number) {
    char path[kPathMax];
    path_of(number, path);
    if (acknowledged[number] && zoo_exists(session.handle, path, 0, &stat) != ZOK) ++missing;
  }
  check_number(0, missing, "acknowledged nodes that are missing");
}

void check_failover(const char* servers) {
  open_session(&session, servers);
  const int64_t identity = zoo_client_id(session.handle)->client_id;
  make_node(session.handle, "/c-failover", "");
  check_code(ZOK,
             zoo_create(session.handle, "/c-failover-mine", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                        ZOO_EPHEMERAL, NULL, 0),
             "an ephemeral node");
  for (int round = 0; round < kRounds; ++round) {
    write_nodes("writes with all servers");
    say("stop the server");
    write_nodes("writes while one server is gone");
    say("start the server");
    write_nodes("writes while it comes back");
  }
  check_number(identity, zoo_client_id(session.handle)->client_id, "the session's id");
  struct Stat stat;
  check_code(ZOK, zoo_exists(session.handle, "/c-failover-mine", 0, &stat),
             "the ephemeral node is there");
  check_number(identity, stat.ephemeralOwner, "its owner");
  check_all_there();
  close_session(&session);
}
