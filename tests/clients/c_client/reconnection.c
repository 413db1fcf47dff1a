// A session that outlives its server: the program asks its caller to stop and to start the server
// with the comment lines "# stop the server" and "# start the server".

#include "checks.h"
#include "groups.h"

static struct Session session;
static struct Events data_events, exist_events, child_events;

static void set_watches(void) {
  char buffer[kDataMax];
  int size = sizeof buffer;
  struct Stat stat;
  struct String_vector children;
  init_events(&data_events);
  init_events(&exist_events);
  init_events(&child_events);
  check_code(
      ZOK,
      zoo_wget(session.handle, "/c-again/data", record_event, &data_events, buffer, &size, &stat),
      "zoo_wget");
  check_code(ZNONODE,
             zoo_wexists(session.handle, "/c-again/later", record_event, &exist_events, &stat),
             "zoo_wexists, missing node");
  check_code(ZOK,
             zoo_wget_children(session.handle, "/c-again", record_event, &child_events, &children),
             "zoo_wget_children");
  deallocate_String_vector(&children);
}

// Session events reach every watcher; the next event about a node is what counts.
static void check_node_event(struct Events* events, int type, const char* path, const char* what) {
  check_session_event(events, ZOO_CONNECTING_STATE, what);
  check_session_event(events, ZOO_CONNECTED_STATE, what);
  check_event(events, type, path, what);
}

void check_reconnection(const char* server) {
  open_session(&session, server);
  const int64_t identity = zoo_client_id(session.handle)->client_id;
  make_node(session.handle, "/c-again", "");
  make_node(session.handle, "/c-again/data", "before");
  check_code(ZOK,
             zoo_create(session.handle, "/c-again/mine", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL,
                        NULL, 0),
             "an ephemeral node");
  set_watches();

  say("stop the server");
  check_session_event(&session.events, ZOO_CONNECTING_STATE, "the server is gone");
  struct Stat stat;
  check_code(ZCONNECTIONLOSS, zoo_exists(session.handle, "/c-again", 0, &stat),
             "a call without a server");
  say("start the server");
  check_session_event(&session.events, ZOO_CONNECTED_STATE, "the server is back");
  check_number(identity, zoo_client_id(session.handle)->client_id, "the session's id");
  check_code(ZOK, zoo_exists(session.handle, "/c-again/mine", 0, &stat),
             "the ephemeral node is there");
  check_number(identity, stat.ephemeralOwner, "its owner");

  struct Session other;
  open_session(&other, server);
  check_code(ZOK, zoo_set(other.handle, "/c-again/data", "after", 5, 0), "the other session's set");
  make_node(other.handle, "/c-again/later", "");
  check_node_event(&data_events, ZOO_CHANGED_EVENT, "/c-again/data", "the data watch");
  check_node_event(&exist_events, ZOO_CREATED_EVENT, "/c-again/later", "the exists watch");
  check_node_event(&child_events, ZOO_CHILD_EVENT, "/c-again", "the children watch");
  close_session(&session);
  check_code(ZNONODE, zoo_exists(other.handle, "/c-again/mine", 0, &stat),
             "the ephemeral node after the session's end");
  close_session(&other);
}
