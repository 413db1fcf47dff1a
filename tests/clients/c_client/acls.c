// Credentials and ACLs.

#include <string.h>

#include "checks.h"
#include "groups.h"

static struct Reply reply;

static void add_auth(zhandle_t* handle, const char* credentials) {
  check_reply(
      &reply, ZOK,
      zoo_add_auth(handle, "digest", credentials, (int)strlen(credentials), complete_void, &reply),
      "zoo_add_auth");
}

static void check_get_and_set(zhandle_t* handle) {
  struct ACL_vector acl;
  struct Stat stat;
  check_code(ZOK, zoo_get_acl(handle, "/c-acl", &acl, &stat), "zoo_get_acl");
  check(acl.count == 1 && acl.data[0].perms == ZOO_PERM_ALL &&
            strcmp(acl.data[0].id.scheme, "world") == 0 && strcmp(acl.data[0].id.id, "anyone") == 0,
        "the open ACL");
  check_number(0, stat.aversion, "aversion");
  deallocate_ACL_vector(&acl);

  char user[] = "tom:GTKROLRLPBUyxCIDpLpUwnsUrHM=", scheme[] = "digest";
  char anyone[] = "anyone", world[] = "world", address[] = "127.0.0.1/8", ip[] = "ip";
  struct ACL entries[] = {{ZOO_PERM_ALL, {world, anyone}},
                          {ZOO_PERM_WRITE, {scheme, user}},
                          {ZOO_PERM_READ, {ip, address}}};
  struct ACL_vector wanted = {3, entries};
  check_code(ZOK, zoo_set_acl(handle, "/c-acl", 0, &wanted), "zoo_set_acl");
  check_code(ZBADVERSION, zoo_set_acl(handle, "/c-acl", 0, &wanted), "zoo_set_acl, old version");
  check_code(ZNONODE, zoo_set_acl(handle, "/c-acl/no", -1, &wanted), "zoo_set_acl, missing node");
  check_code(ZOK, zoo_get_acl(handle, "/c-acl", &acl, &stat), "zoo_get_acl");
  check(acl.count == 3 && acl.data[1].perms == ZOO_PERM_WRITE &&
            strcmp(acl.data[1].id.id, user) == 0 && strcmp(acl.data[2].id.id, address) == 0,
        "the three entries, in order");
  check(stat.aversion == 1 && stat.version == 0, "setting an ACL raises aversion alone");
  deallocate_ACL_vector(&acl);
  check_code(ZNONODE, zoo_get_acl(handle, "/c-acl/no", &acl, &stat), "zoo_get_acl, missing node");

  char bad[] = "no-such-scheme";
  struct ACL invalid[] = {{ZOO_PERM_ALL, {bad, user}}};
  struct ACL_vector refused = {1, invalid};
  check_code(ZINVALIDACL, zoo_set_acl(handle, "/c-acl", -1, &refused), "an unknown scheme");
}

static void check_private_nodes(zhandle_t* owner, zhandle_t* stranger) {
  check_code(
      ZINVALIDACL,
      zoo_create(stranger, "/c-acl/own", "", 0, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0),
      "an ACL of the creator without credentials");
  add_auth(owner, "pat:secret");
  check_code(ZOK,
             zoo_create(owner, "/c-acl/own", "", 0, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0),
             "an ACL of the creator");
  struct ACL_vector acl;
  struct Stat stat;
  check_code(ZOK, zoo_get_acl(owner, "/c-acl/own", &acl, &stat), "zoo_get_acl by the owner");
  check(acl.count == 1 && strcmp(acl.data[0].id.scheme, "digest") == 0 &&
            strncmp(acl.data[0].id.id, "pat:", 4) == 0,
        "it has become one of the digest scheme");
  deallocate_ACL_vector(&acl);

  char buffer[kDataMax];
  int size = sizeof buffer;
  struct String_vector children;
  check_code(ZNOAUTH, zoo_get(stranger, "/c-acl/own", 0, buffer, &size, &stat),
             "a stranger's zoo_get");
  check_code(ZNOAUTH, zoo_set(stranger, "/c-acl/own", "", 0, -1), "a stranger's zoo_set");
  check_code(ZNOAUTH, zoo_get_children(stranger, "/c-acl/own", 0, &children),
             "a stranger's zoo_get_children");
  check_code(ZNOAUTH, zoo_get_acl(stranger, "/c-acl/own", &acl, &stat), "a stranger's zoo_get_acl");
  check_code(ZNOAUTH, zoo_set_acl(stranger, "/c-acl/own", -1, &ZOO_OPEN_ACL_UNSAFE),
             "a stranger's zoo_set_acl");
  check_code(
      ZNOAUTH,
      zoo_create(stranger, "/c-acl/own/x", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0),
      "a stranger's zoo_create");
  add_auth(stranger, "pat:wrong");
  check_code(ZNOAUTH, zoo_set(stranger, "/c-acl/own", "", 0, -1), "zoo_set, wrong password");
  add_auth(stranger, "pat:secret");
  check_code(ZOK, zoo_set(stranger, "/c-acl/own", "", 0, -1), "zoo_set, right password");
}

static void check_failed_authentication(const char* server) {
  struct Session session;
  open_session(&session, server);
  check_reply(&reply, ZAUTHFAILED,
              zoo_add_auth(session.handle, "no-such-scheme", "x", 1, complete_void, &reply),
              "zoo_add_auth with an unknown scheme");
  check_session_event(&session.events, ZOO_AUTH_FAILED_STATE, "failed authentication");
  check_code(ZINVALIDSTATE, is_unrecoverable(session.handle), "is_unrecoverable");
  zookeeper_close(session.handle);
}

void check_acls(const char* server) {
  struct Session owner, stranger;
  init_reply(&reply);
  open_session(&owner, server);
  open_session(&stranger, server);
  make_node(owner.handle, "/c-acl", "");
  check_get_and_set(owner.handle);
  check_private_nodes(owner.handle, stranger.handle);
  close_session(&owner);
  close_session(&stranger);
  check_failed_authentication(server);
}
