// The synchronous calls on nodes: return codes and Stats.

#include <string.h>

#include "checks.h"
#include "groups.h"

static struct ACL_vector kNoAcl = {0, NULL};

static int create(zhandle_t* handle, const char* path, int mode) {
  return zoo_create(handle, path, "data", 4, &ZOO_OPEN_ACL_UNSAFE, mode, NULL, 0);
}

static void check_create(zhandle_t* handle) {
  char path[kPathMax];
  check_code(ZOK,
             zoo_create(handle, "/c-sync/a", "data", 4, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                        sizeof path),
             "zoo_create persistent");
  check_text("/c-sync/a", path, "the created path");
  check_code(ZNODEEXISTS, create(handle, "/c-sync/a", ZOO_PERSISTENT), "zoo_create again");
  check_code(ZNONODE, create(handle, "/c-sync/no/b", ZOO_PERSISTENT), "zoo_create without parent");
  check_code(ZBADARGUMENTS, create(handle, "c-sync", ZOO_PERSISTENT), "zoo_create, relative path");
  check_code(ZINVALIDACL,
             zoo_create(handle, "/c-sync/no-acl", "", 0, &kNoAcl, ZOO_PERSISTENT, NULL, 0),
             "zoo_create with an empty ACL");

  check_code(ZOK, create(handle, "/c-sync/e", ZOO_EPHEMERAL), "zoo_create ephemeral");
  check_code(ZNOCHILDRENFOREPHEMERALS, create(handle, "/c-sync/e/f", ZOO_PERSISTENT),
             "zoo_create below an ephemeral node");
  struct Stat stat;
  check_code(ZOK, zoo_exists(handle, "/c-sync/e", 0, &stat), "zoo_exists of the ephemeral node");
  check_number(zoo_client_id(handle)->client_id, stat.ephemeralOwner, "its owner");

  check_code(ZOK, create(handle, "/c-sync/container", ZOO_CONTAINER), "zoo_create container");
  check_code(ZOK, create(handle, "/c-sync/container/x", ZOO_PERSISTENT), "a container's child");
}

static void check_sequences(zhandle_t* handle) {
  char path[kPathMax];
  make_node(handle, "/c-sync/s", "");
  check_code(ZOK,
             zoo_create(handle, "/c-sync/s/n-", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                        ZOO_PERSISTENT_SEQUENTIAL, path, sizeof path),
             "zoo_create sequential");
  check_text("/c-sync/s/n-0000000000", path, "the first sequential path");
  check_code(ZOK,
             zoo_create(handle, "/c-sync/s/", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                        path, sizeof path),
             "zoo_create ephemeral sequential, path ends in /");
  check_text("/c-sync/s/0000000001", path, "the second sequential path");
  char small[12];
  check_code(ZOK,
             zoo_create(handle, "/c-sync/s/n-", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                        ZOO_PERSISTENT_SEQUENTIAL, small, sizeof small),
             "zoo_create with a small buffer");
  check_text("/c-sync/s/n", small, "the shortened path");
}

static void check_new_stat(const struct Stat* stat, int size) {
  check(stat->czxid > 0 && stat->czxid == stat->mzxid && stat->czxid == stat->pzxid,
        "the three zxids of a new node are one");
  check(stat->ctime > 0 && stat->ctime == stat->mtime, "the two times of a new node are one");
  check(stat->version == 0 && stat->cversion == 0 && stat->aversion == 0,
        "the versions of a new node are 0");
  check_number(size, stat->dataLength, "dataLength");
  check_number(0, stat->numChildren, "numChildren");
}

static void check_create2(zhandle_t* handle) {
  char path[kPathMax];
  struct Stat stat;
  check_code(ZOK,
             zoo_create2(handle, "/c-sync/two", "abc", 3, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                         path, sizeof path, &stat),
             "zoo_create2");
  check_text("/c-sync/two", path, "the created path");
  check_new_stat(&stat, 3);
  check_number(0, stat.ephemeralOwner, "ephemeralOwner of a persistent node");
  check_code(ZOK,
             zoo_create2(handle, "/c-sync/two-e", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, path,
                         sizeof path, &stat),
             "zoo_create2 ephemeral");
  check_number(zoo_client_id(handle)->client_id, stat.ephemeralOwner, "ephemeralOwner");
  check_code(ZNODEEXISTS,
             zoo_create2(handle, "/c-sync/two", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                         sizeof path, &stat),
             "zoo_create2 again");
}

static void check_ttl(zhandle_t* handle) {
  char path[kPathMax];
  struct Stat stat;
  check_code(ZOK,
             zoo_create_ttl(handle, "/c-sync/ttl", "x", 1, &ZOO_OPEN_ACL_UNSAFE,
                            ZOO_PERSISTENT_WITH_TTL, 600000, path, sizeof path),
             "zoo_create_ttl");
  check_text("/c-sync/ttl", path, "the created path");
  check_code(ZOK,
             zoo_create2_ttl(handle, "/c-sync/ttl/", "xy", 2, &ZOO_OPEN_ACL_UNSAFE,
                             ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 600000, path, sizeof path, &stat),
             "zoo_create2_ttl sequential");
  check_text("/c-sync/ttl/0000000000", path, "the created path");
  check_new_stat(&stat, 2);
  check_number(0, stat.ephemeralOwner, "ephemeralOwner of a node with TTL");
  check_code(ZBADARGUMENTS,
             zoo_create_ttl(handle, "/c-sync/bad", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                            ZOO_PERSISTENT_WITH_TTL, 0, NULL, 0),
             "zoo_create_ttl with no time to live");
}

static void check_data(zhandle_t* handle) {
  char buffer[kDataMax];
  int size = sizeof buffer;
  struct Stat stat;
  make_node(handle, "/c-sync/d", "first");
  check_code(ZOK, zoo_get(handle, "/c-sync/d", 0, buffer, &size, &stat), "zoo_get");
  check(size == 5 && memcmp(buffer, "first", 5) == 0, "zoo_get gives the data");
  check_code(ZOK, zoo_set(handle, "/c-sync/d", "second!", 7, 0), "zoo_set at version 0");
  check_code(ZBADVERSION, zoo_set(handle, "/c-sync/d", "x", 1, 0), "zoo_set at an old version");
  check_code(ZNONODE, zoo_set(handle, "/c-sync/missing", "x", 1, -1), "zoo_set, missing node");
  const int64_t created = stat.czxid;
  check_code(ZOK, zoo_set2(handle, "/c-sync/d", "x", 1, -1, &stat), "zoo_set2 at any version");
  check_number(2, stat.version, "version");
  check_number(1, stat.dataLength, "dataLength");
  check_number(created, stat.czxid, "czxid");
  check(stat.mzxid > stat.czxid && stat.mtime >= stat.ctime, "mzxid and mtime have grown");
  check_code(ZBADVERSION, zoo_set2(handle, "/c-sync/d", "x", 1, 7, &stat), "zoo_set2, bad version");

  check_code(ZOK, zoo_set(handle, "/c-sync/d", NULL, -1, -1), "zoo_set of null");
  size = sizeof buffer;
  check_code(ZOK, zoo_get(handle, "/c-sync/d", 0, buffer, &size, &stat), "zoo_get of null");
  check_number(-1, size, "the size of null data");
  check_code(ZOK, zoo_set(handle, "/c-sync/d", "", 0, -1), "zoo_set of nothing");
  size = sizeof buffer;
  check_code(ZOK, zoo_get(handle, "/c-sync/d", 0, buffer, &size, &stat), "zoo_get of nothing");
  check_number(0, size, "the size of empty data");
  size = sizeof buffer;
  check_code(ZNONODE, zoo_get(handle, "/c-sync/missing", 0, buffer, &size, &stat),
             "zoo_get, missing node");
}

static void check_children(zhandle_t* handle) {
  make_node(handle, "/c-sync/p", "");
  make_node(handle, "/c-sync/p/one", "");
  make_node(handle, "/c-sync/p/two", "");
  struct String_vector children;
  check_code(ZOK, zoo_get_children(handle, "/c-sync/p", 0, &children), "zoo_get_children");
  check(children.count == 2 && has_child(&children, "one") && has_child(&children, "two"),
        "zoo_get_children gives both names");
  deallocate_String_vector(&children);
  struct Stat stat;
  check_code(ZOK, zoo_get_children2(handle, "/c-sync/p", 0, &children, &stat), "zoo_get_children2");
  check_number(2, children.count, "the number of names");
  check_number(2, stat.numChildren, "numChildren");
  check_number(2, stat.cversion, "cversion");
  check(stat.pzxid > stat.czxid, "pzxid is later than czxid");
  deallocate_String_vector(&children);
  check_code(ZNONODE, zoo_get_children(handle, "/c-sync/missing", 0, &children),
             "zoo_get_children, missing node");
}

static void check_delete(zhandle_t* handle) {
  check_code(ZNOTEMPTY, zoo_delete(handle, "/c-sync/p", -1), "zoo_delete of a parent");
  check_code(ZBADVERSION, zoo_delete(handle, "/c-sync/p/one", 3), "zoo_delete, bad version");
  check_code(ZOK, zoo_delete(handle, "/c-sync/p/one", 0), "zoo_delete at version 0");
  check_code(ZNONODE, zoo_delete(handle, "/c-sync/p/one", -1), "zoo_delete again");
  struct Stat stat;
  check_code(ZNONODE, zoo_exists(handle, "/c-sync/p/one", 0, &stat), "zoo_exists after it");
  check_code(ZOK, zoo_exists(handle, "/c-sync/p", 0, &stat), "zoo_exists of the parent");
  check(stat.numChildren == 1 && stat.cversion == 3, "the parent's numChildren and cversion");
}

static void check_configuration(zhandle_t* handle) {
  char buffer[4096];
  int size = sizeof buffer;
  struct Stat stat;
  check_code(ZOK, zoo_getconfig(handle, 0, buffer, &size, &stat), "zoo_getconfig");
  size = sizeof buffer;
  check_code(ZRECONFIGDISABLED, zoo_reconfig(handle, NULL, "3", NULL, -1, buffer, &size, &stat),
             "zoo_reconfig");
}

void check_sync_calls(const char* server) {
  struct Session session;
  open_session(&session, server);
  make_node(session.handle, "/c-sync", "");
  check_create(session.handle);
  check_sequences(session.handle);
  check_create2(session.handle);
  check_ttl(session.handle);
  check_data(session.handle);
  check_children(session.handle);
  check_delete(session.handle);
  check_configuration(session.handle);
  close_session(&session);
}
