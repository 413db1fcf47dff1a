// c_client HOST:PORT[,HOST:PORT...] GROUP: a group of checks of the C client library, as TAP on
// standard output. Together the groups make every call that zookeeper.h declares and the library
// has, but for SASL. The status is 0 when all checks passed.

#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "groups.h"

static bool run_group(const char* group, const char* server, const char* program) {
  if (strcmp(group, "connection") == 0)
    check_connection(server, program);
  else if (strcmp(group, "sync") == 0)
    check_sync_calls(server);
  else if (strcmp(group, "async") == 0)
    check_async_calls(server);
  else if (strcmp(group, "watches") == 0)
    check_watches(server);
  else if (strcmp(group, "removal") == 0)
    check_removal_of_watches(server);
  else if (strcmp(group, "acls") == 0)
    check_acls(server);
  else if (strcmp(group, "multi") == 0)
    check_multi(server);
  else if (strcmp(group, "reconnection") == 0)
    check_reconnection(server);
  else if (strcmp(group, "failover") == 0)
    check_failover(server);
  else
    return false;
  return true;
}

int main(int count, char** arguments) {
  zoo_set_debug_level(kNoLogging);
  if (count == 4 && strcmp(arguments[2], "abandon") == 0) {
    abandon_session(arguments[1], arguments[3]);
  }
  if (count != 3 || !run_group(arguments[2], arguments[1], arguments[0])) {
    fprintf(stderr,
            "usage: c_client HOST:PORT "
            "connection|sync|async|watches|removal|acls|multi|reconnection|failover\n");
    return 2;
  }
  return failed_checks() == 0 ? 0 : 1;
}
