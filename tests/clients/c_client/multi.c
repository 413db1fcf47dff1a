// Transactions of several operations. Containers are left out: this library sends them, then fails
// an assertion of its own on the answer.

#include <string.h>

#include "checks.h"
#include "groups.h"

enum { kOperations = 6 };

static void check_success(zhandle_t* handle) {
  char first_path[kPathMax], sequential[kPathMax], last_path[kPathMax];
  struct Stat stat;
  memset(&stat, 0, sizeof stat);
  zoo_op_t operations[kOperations];
  zoo_op_result_t results[kOperations];
  zoo_create_op_init(&operations[0], "/c-multi/a", "1", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                     first_path, sizeof first_path);
  zoo_create_op_init(&operations[1], "/c-multi/a/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                     ZOO_EPHEMERAL_SEQUENTIAL, sequential, sizeof sequential);
  zoo_check_op_init(&operations[2], "/c-multi/a", 0);
  zoo_set_op_init(&operations[3], "/c-multi/a", "22", 2, 0, &stat);
  zoo_delete_op_init(&operations[4], "/c-multi/old", -1);
  zoo_create_op_init(&operations[5], "/c-multi/two", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                     last_path, sizeof last_path);
  check_code(ZOK, zoo_multi(handle, kOperations, operations, results), "zoo_multi");
  for (int i = 0; i < kOperations; ++i) check_number(ZOK, results[i].err, "an operation's result");
  check_text("/c-multi/a", first_path, "the created path");
  check_text("/c-multi/a/s-0000000000", sequential, "the sequential path");
  check_text("/c-multi/two", last_path, "the path of the second create");
  check_number(1, stat.version, "version after the set");
  check_number(2, stat.dataLength, "dataLength after the set");

  struct Stat first, last;
  check_code(ZOK, zoo_exists(handle, "/c-multi/a", 0, &first), "the first node is there");
  check_code(ZOK, zoo_exists(handle, "/c-multi/two", 0, &last), "the last node is there");
  check_number(first.czxid, last.czxid, "the zxid of the last node");
  check_number(first.czxid, first.mzxid, "the zxid of the set");
  check_code(ZNONODE, zoo_exists(handle, "/c-multi/old", 0, &last), "the deleted node");
}

static void check_failure(zhandle_t* handle) {
  char path[kPathMax];
  zoo_op_t operations[3];
  zoo_op_result_t results[3];
  zoo_create_op_init(&operations[0], "/c-multi/b", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                     path, sizeof path);
  zoo_check_op_init(&operations[1], "/c-multi/a", 77);
  zoo_delete_op_init(&operations[2], "/c-multi/a", -1);
  check_code(ZBADVERSION, zoo_multi(handle, 3, operations, results), "zoo_multi that fails");
  check_number(ZOK, results[0].err, "the result before the failure");
  check_number(ZBADVERSION, results[1].err, "the result of the failure");
  check_number(ZRUNTIMEINCONSISTENCY, results[2].err, "the result after the failure");
  struct Stat stat;
  check_code(ZNONODE, zoo_exists(handle, "/c-multi/b", 0, &stat), "nothing was created");
}

static void check_async(zhandle_t* handle) {
  struct Reply reply;
  init_reply(&reply);
  struct Stat stat;
  zoo_op_t operations[2];
  zoo_op_result_t results[2];
  zoo_set_op_init(&operations[0], "/c-multi/two", "abc", 3, 0, &stat);
  zoo_set_op_init(&operations[1], "/c-multi/two", "abcd", 4, 1, &stat);
  check_reply(&reply, ZOK, zoo_amulti(handle, 2, operations, results, complete_void, &reply),
              "zoo_amulti");
  check(results[0].err == ZOK && results[1].err == ZOK, "both results are good");
  check_number(2, stat.version, "version after both sets");
  check_reply(&reply, ZBADVERSION,
              zoo_amulti(handle, 2, operations, results, complete_void, &reply),
              "zoo_amulti that fails");
  check(results[0].err == ZBADVERSION && results[1].err == ZRUNTIMEINCONSISTENCY,
        "the results say which operation failed");
}

void check_multi(const char* server) {
  struct Session session;
  open_session(&session, server);
  make_node(session.handle, "/c-multi", "");
  make_node(session.handle, "/c-multi/old", "");
  check_success(session.handle);
  check_failure(session.handle);
  check_async(session.handle);
  close_session(&session);
}
