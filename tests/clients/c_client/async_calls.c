// The asynchronous calls on nodes: codes, results and the order of completions.

#include <string.h>

#include "checks.h"
#include "groups.h"

static struct Reply reply;

static void check_creation(zhandle_t* handle) {
  check_reply(&reply, ZOK,
              zoo_acreate(handle, "/c-async/a", "data", 4, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                          complete_string, &reply),
              "zoo_acreate");
  check_text("/c-async/a", reply.text, "the created path");
  check_reply(&reply, ZNODEEXISTS,
              zoo_acreate(handle, "/c-async/a", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                          complete_string, &reply),
              "zoo_acreate again");
  check_reply(&reply, ZOK,
              zoo_acreate2(handle, "/c-async/two-", "abc", 3, &ZOO_OPEN_ACL_UNSAFE,
                           ZOO_EPHEMERAL_SEQUENTIAL, complete_string_stat, &reply),
              "zoo_acreate2");
  check_text("/c-async/two-0000000001", reply.text, "the created path");
  check_number(3, reply.stat.dataLength, "dataLength");
  check_number(zoo_client_id(handle)->client_id, reply.stat.ephemeralOwner, "ephemeralOwner");
  check_reply(&reply, ZOK,
              zoo_acreate_ttl(handle, "/c-async/ttl", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                              ZOO_PERSISTENT_WITH_TTL, 600000, complete_string, &reply),
              "zoo_acreate_ttl");
  check_text("/c-async/ttl", reply.text, "the created path");
  check_reply(
      &reply, ZOK,
      zoo_acreate2_ttl(handle, "/c-async/ttl-", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                       ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 600000, complete_string_stat, &reply),
      "zoo_acreate2_ttl");
  check_text("/c-async/ttl-0000000003", reply.text, "the created path");
  check_number(0, reply.stat.ephemeralOwner, "ephemeralOwner of a node with TTL");
}

static void check_data(zhandle_t* handle) {
  check_reply(&reply, ZOK, zoo_aexists(handle, "/c-async/a", 0, complete_stat, &reply),
              "zoo_aexists");
  check_number(4, reply.stat.dataLength, "dataLength");
  check_reply(&reply, ZNONODE, zoo_aexists(handle, "/c-async/no", 0, complete_stat, &reply),
              "zoo_aexists, missing node");
  check_reply(&reply, ZOK, zoo_aget(handle, "/c-async/a", 0, complete_data, &reply), "zoo_aget");
  check_text("data", reply.text, "the data");
  check_reply(&reply, ZOK, zoo_aset(handle, "/c-async/a", "new", 3, 0, complete_stat, &reply),
              "zoo_aset");
  check_number(1, reply.stat.version, "version");
  check_reply(&reply, ZBADVERSION,
              zoo_aset(handle, "/c-async/a", "new", 3, 0, complete_stat, &reply),
              "zoo_aset at an old version");
  check_reply(&reply, ZOK, zoo_async(handle, "/c-async/a", complete_string, &reply), "zoo_async");
  check_text("/c-async/a", reply.text, "the path that sync echoes");
}

static void check_children(zhandle_t* handle) {
  make_node(handle, "/c-async/p", "");
  make_node(handle, "/c-async/p/child", "");
  check_reply(&reply, ZOK, zoo_aget_children(handle, "/c-async/p", 0, complete_strings, &reply),
              "zoo_aget_children");
  check(reply.count == 1 && strcmp(reply.children[0], "child") == 0, "the child's name");
  check_reply(&reply, ZOK,
              zoo_aget_children2(handle, "/c-async/p", 0, complete_strings_stat, &reply),
              "zoo_aget_children2");
  check(reply.count == 1 && reply.stat.numChildren == 1, "the child's name, and the Stat");
  check_reply(&reply, ZNOTEMPTY, zoo_adelete(handle, "/c-async/p", -1, complete_void, &reply),
              "zoo_adelete of a parent");
  check_reply(&reply, ZOK, zoo_adelete(handle, "/c-async/p/child", 0, complete_void, &reply),
              "zoo_adelete");
  check_reply(&reply, ZNONODE, zoo_adelete(handle, "/c-async/p/child", 0, complete_void, &reply),
              "zoo_adelete again");
}

static void check_acl_and_configuration(zhandle_t* handle) {
  check_reply(&reply, ZOK, zoo_aget_acl(handle, "/c-async/a", complete_acl, &reply),
              "zoo_aget_acl");
  check(reply.count == 1 && reply.permissions == ZOO_PERM_ALL, "the ACL has one open entry");
  check_text("world", reply.text, "its scheme");
  check_reply(&reply, ZOK,
              zoo_aset_acl(handle, "/c-async/a", 0, &ZOO_READ_ACL_UNSAFE, complete_void, &reply),
              "zoo_aset_acl");
  check_reply(&reply, ZNOAUTH, zoo_aset(handle, "/c-async/a", "", 0, -1, complete_stat, &reply),
              "zoo_aset of a read-only node");
  check_reply(&reply, ZOK, zoo_agetconfig(handle, 0, complete_data, &reply), "zoo_agetconfig");
  check_reply(&reply, ZRECONFIGDISABLED,
              zoo_areconfig(handle, NULL, "3", NULL, -1, complete_data, &reply), "zoo_areconfig");
}

enum { kPipelined = 200 };

static struct Reply pipelined[kPipelined];

// Completions come in the order of the calls, so when the last has come, all have.
static void check_pipeline(zhandle_t* handle) {
  for (int i = 0; i < kPipelined; ++i) {
    init_reply(&pipelined[i]);
    const int accepted =
        i % 2 ? zoo_aget(handle, "/c-async/counter", 0, complete_data, &pipelined[i])
              : zoo_aset(handle, "/c-async/counter", "x", 1, i / 2, complete_stat, &pipelined[i]);
    if (accepted != ZOK) check_code(ZOK, accepted, "a pipelined call");
  }
  check_reply(&pipelined[kPipelined - 1], ZOK, ZOK, "the last of many pipelined calls");
  int in_order = 1;  // the last one, whose arrival check_reply has taken
  for (int i = 0; i < kPipelined - 1; ++i) {
    in_order +=
        pipelined[i].arrived && pipelined[i].code == ZOK && pipelined[i].stat.version == i / 2 + 1;
  }
  check_number(kPipelined, in_order, "the number of completions that saw the writes before them");
}

void check_async_calls(const char* server) {
  struct Session session;
  open_session(&session, server);
  init_reply(&reply);
  make_node(session.handle, "/c-async", "");
  check_creation(session.handle);
  check_data(session.handle);
  check_children(session.handle);
  check_acl_and_configuration(session.handle);
  make_node(session.handle, "/c-async/counter", "");
  check_pipeline(session.handle);
  close_session(&session);
}
