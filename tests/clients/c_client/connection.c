// Sessions and handles: opening, resuming, losing and closing them; what a handle says of itself.

#include <inttypes.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "groups.h"

static int lines_logged;

static void count_line(const char* line) {
  (void)line;
  __atomic_add_fetch(&lines_logged, 1, __ATOMIC_SEQ_CST);
}

static void check_handle(const char* server) {
  struct Session session;
  open_session(&session, server);
  zhandle_t* handle = session.handle;
  check_number(ZOO_CONNECTED_STATE, zoo_state(handle), "zoo_state");
  check_code(ZOK, is_unrecoverable(handle), "is_unrecoverable");
  check(zoo_client_id(handle)->client_id > 0, "zoo_client_id is positive");
  check_number(kTimeoutMs, zoo_recv_timeout(handle), "zoo_recv_timeout");
  check_text(server, zoo_get_current_server(handle), "zoo_get_current_server");

  check(zoo_get_context(handle) == &session.events, "zoo_get_context is what was given");
  struct Events others;
  init_events(&others);
  zoo_set_context(handle, &others);
  check(zoo_get_context(handle) == &others, "zoo_set_context changes it");
  check(zoo_set_watcher(handle, record_event) == record_event,
        "zoo_set_watcher answers the watcher it replaces");

  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  check(zookeeper_get_connected_host(handle, (struct sockaddr*)&address, &size) != NULL,
        "zookeeper_get_connected_host answers");
  const int port = ntohs(((struct sockaddr_in*)&address)->sin_port);
  check_number(atoi(strrchr(server, ':') + 1), port, "zookeeper_get_connected_host: the port");
  close_session(&session);
}

static void check_timeouts(const char* server) {
  // The server's tick is two seconds; a session lasts between 2 and 20 ticks.
  const int asked[] = {1000, 30000, 1000000};
  const int granted[] = {4000, 30000, 40000};
  for (int i = 0; i < 3; ++i) {
    struct Events events;
    init_events(&events);
    zhandle_t* handle = zookeeper_init(server, record_event, asked[i], NULL, &events, 0);
    check_session_event(&events, ZOO_CONNECTED_STATE, "zookeeper_init");
    check_number(granted[i], zoo_recv_timeout(handle), "the granted session timeout");
    check_code(ZOK, zookeeper_close(handle), "zookeeper_close");
  }
}

static void check_logging(const char* server) {
  struct Events events;
  init_events(&events);
  zoo_set_debug_level(ZOO_LOG_LEVEL_DEBUG);
  zhandle_t* handle =
      zookeeper_init2(server, record_event, kTimeoutMs, NULL, &events, 0, count_line);
  check_session_event(&events, ZOO_CONNECTED_STATE, "zookeeper_init2");
  check(__atomic_load_n(&lines_logged, __ATOMIC_SEQ_CST) > 0, "the log callback is called");
  check(zoo_get_log_callback(handle) == count_line, "zoo_get_log_callback answers it");
  zoo_set_log_callback(handle, NULL);
  check(zoo_get_log_callback(handle) == NULL, "zoo_set_log_callback changes it");

  FILE* stream = tmpfile();
  zoo_set_log_stream(stream);
  struct Stat stat;
  check_code(ZOK, zoo_exists(handle, "/", 0, &stat), "zoo_exists while logging to a stream");
  check_code(ZOK, zookeeper_close(handle), "zookeeper_close");
  zoo_set_debug_level(kNoLogging);
  zoo_set_log_stream(stderr);
  check(ftell(stream) > 0, "zoo_set_log_stream: lines are in the stream");
  fclose(stream);
}

static void check_server_list(const char* server) {
  zoo_deterministic_conn_order(1);
  struct Session session;
  open_session(&session, server);
  const int64_t identity = zoo_client_id(session.handle)->client_id;
  check_code(ZOK, zoo_set_servers_resolution_delay(session.handle, 0),
             "zoo_set_servers_resolution_delay");

  char list[kPathMax];
  snprintf(list, sizeof list, "127.0.0.1:1,%s", server);
  check_code(ZOK, zoo_set_servers(session.handle, list), "zoo_set_servers");
  zoo_cycle_next_server(session.handle);
  struct Stat stat;
  check_code(ZOK, zoo_exists(session.handle, "/", 0, &stat), "zoo_exists with a new server list");
  check_number(identity, zoo_client_id(session.handle)->client_id, "the session");
  close_session(&session);
  zoo_deterministic_conn_order(0);
}

static void check_chroot(const char* server) {
  struct Session session;
  open_session(&session, server);
  make_node(session.handle, "/c-chroot", "");
  char address[kPathMax];
  snprintf(address, sizeof address, "%s/c-chroot", server);
  struct Session below;
  open_session(&below, address);
  char path[kPathMax];
  check_code(ZOK,
             zoo_create(below.handle, "/a", "d", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                        sizeof path),
             "zoo_create under a chroot");
  check_text("/a", path, "the path without the chroot");
  struct Stat stat;
  check_code(ZOK, zoo_exists(session.handle, "/c-chroot/a", 0, &stat), "zoo_exists, whole path");
  close_session(&below);
  close_session(&session);
}

void abandon_session(const char* server, const char* path) {
  struct Session session;
  init_events(&session.events);
  // The least timeout there is, so that who waits for the session's end need not wait long.
  session.handle = zookeeper_init(server, record_event, 4000, NULL, &session.events, 0);
  struct Stat stat;
  for (int i = 0; i < 3; ++i) {
    if (zoo_exists(session.handle, "/", 0, &stat) == ZOK) break;
  }
  const int code =
      zoo_create(session.handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0);
  const clientid_t* identity = zoo_client_id(session.handle);
  printf("%d %" PRIx64, code, (uint64_t)identity->client_id);
  for (int i = 0; i < 16; ++i) printf(" %02x", (unsigned char)identity->passwd[i]);
  printf("\n");
  fflush(stdout);
  _exit(0);
}

// The identity of a session whose process has died without closing it.
static bool read_abandoned(const char* program, const char* server, const char* path,
                           clientid_t* identity) {
  char command[3 * kPathMax];
  snprintf(command, sizeof command, "'%s' %s abandon %s", program, server, path);
  FILE* output = popen(command, "r");
  if (!output) return false;
  int code = 0;
  uint64_t id = 0;
  bool complete = fscanf(output, "%d %" SCNx64, &code, &id) == 2 && code == ZOK;
  for (int i = 0; i < 16 && complete; ++i) {
    unsigned byte = 0;
    complete = fscanf(output, "%x", &byte) == 1;
    identity->passwd[i] = (char)byte;
  }
  identity->client_id = (int64_t)id;
  return pclose(output) == 0 && complete;
}

static void check_resumption(const char* server, const char* program) {
  clientid_t identity;
  check(read_abandoned(program, server, "/c-resumed", &identity), "a process leaves its session");
  struct Session session;
  open_session_as(&session, server, &identity);
  check_number(identity.client_id, zoo_client_id(session.handle)->client_id,
               "the resumed session's id");
  struct Stat stat;
  check_code(ZOK, zoo_exists(session.handle, "/c-resumed", 0, &stat), "its ephemeral node");
  check_number(identity.client_id, stat.ephemeralOwner, "the ephemeral node's owner");
  close_session(&session);

  open_session(&session, server);
  check_code(ZNONODE, zoo_exists(session.handle, "/c-resumed", 0, &stat),
             "the ephemeral node after the session was closed");
  close_session(&session);
}

static void check_refused(const char* server, const clientid_t* identity, const char* what) {
  struct Events events;
  init_events(&events);
  zhandle_t* handle = zookeeper_init(server, record_event, kTimeoutMs, identity, &events, 0);
  check_session_event(&events, ZOO_EXPIRED_SESSION_STATE, what);
  check_code(ZINVALIDSTATE, is_unrecoverable(handle), "is_unrecoverable after expiry");
  struct Stat stat;
  check_code(ZINVALIDSTATE, zoo_exists(handle, "/", 0, &stat), "a call after expiry");
  zookeeper_close(handle);
}

static void check_expiry(const char* server, const char* program) {
  struct Session watching;
  open_session(&watching, server);
  clientid_t identity;
  check(read_abandoned(program, server, "/c-expired", &identity), "a process leaves its session");

  clientid_t impostor = identity;
  impostor.passwd[0] = (char)(impostor.passwd[0] + 1);
  check_refused(server, &impostor, "a wrong password");
  clientid_t stranger = identity;
  stranger.client_id += 1;
  check_refused(server, &stranger, "an unknown session");

  struct Events events;
  init_events(&events);
  struct Stat stat;
  check_code(ZOK, zoo_wexists(watching.handle, "/c-expired", record_event, &events, &stat),
             "the abandoned session's node");
  check_event(&events, ZOO_DELETED_EVENT, "/c-expired", "the session's end");
  check_refused(server, &identity, "an expired session");
  close_session(&watching);
}

static void check_error_texts(void) {
  const int codes[] = {ZOK,          ZNONODE,    ZNOAUTH,          ZBADVERSION,
                       ZNODEEXISTS,  ZNOTEMPTY,  ZINVALIDACL,      ZAUTHFAILED,
                       ZNOTREADONLY, ZNOWATCHER, ZRECONFIGDISABLED};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; ++i) {
    check(strlen(zerror(codes[i])) > 0, "zerror(%d) is '%s'", codes[i], zerror(codes[i]));
  }
}

void check_connection(const char* server, const char* program) {
  check_handle(server);
  check_timeouts(server);
  check_logging(server);
  check_server_list(server);
  check_chroot(server);
  check_resumption(server, program);
  check_expiry(server, program);
  check_error_texts();
}
