// What the groups of checks share: TAP lines on standard output, sessions, recorded events, replies
// of asynchronous calls.
//
// A failed check is printed and counted, and the program goes on; a wait that passes its deadline
// is a failed check too. Everything here may be used from the client library's threads.

#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <zookeeper/zookeeper.h>

// Lost connections are part of the checks: the library's lines about them would only confuse.
#define kNoLogging ((ZooLogLevel)0)

enum {
  kTimeoutMs = 10000,  // the session timeout that is asked for
  kDeadlineS = 20,     // how long anything is waited for
  kEventsMax = 64,
  kPathMax = 256,
  kDataMax = 512,
  kChildrenMax = 8,
};

// Prints "ok <n> - <text>" or "not ok <n> - <text>".
void check(bool passed, const char* format, ...) __attribute__((format(printf, 2, 3)));

// Checks that a call answered `expected`; on failure the line tells both codes.
void check_code(int expected, int actual, const char* call);
void check_text(const char* expected, const char* actual, const char* what);
void check_number(long long expected, long long actual, const char* what);

// A comment line: how the program asks its caller for something ("# restart the server").
void say(const char* text);

int failed_checks(void);

// --- Events ---

struct Event {
  int type;
  int state;
  char path[kPathMax];
};

// The events that one watcher has received, in order.
struct Events {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int count;
  int taken;
  struct Event list[kEventsMax];
};

void init_events(struct Events* events);

// The watcher: `context` is the struct Events to append to.
void record_event(zhandle_t* handle, int type, int state, const char* path, void* context);

// Waits for the next event that was not taken yet and checks what it is; `path` NULL: any.
void check_event(struct Events* events, int type, const char* path, const char* what);

// Waits until a session event with this state has come, passing over others.
void check_session_event(struct Events* events, int state, const char* what);

int count_events(struct Events* events);

// --- Sessions ---

struct Session {
  zhandle_t* handle;
  struct Events events;
};

// Opens a session and waits until it is connected. Ends the program when it does not connect.
void open_session(struct Session* session, const char* server);
void open_session_as(struct Session* session, const char* server, const clientid_t* identity);
void close_session(struct Session* session);

// --- Replies of asynchronous calls ---

struct Reply {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool arrived;
  int code;
  char text[kDataMax];  // a path, or data
  int text_size;        // of data; -1: null
  struct Stat stat;
  int count;  // of children, or of entries of an ACL
  char children[kChildrenMax][kPathMax];
  int permissions;  // of the first entry of an ACL
};

void init_reply(struct Reply* reply);

// The completions: `context` is the struct Reply to fill.
void complete_void(int code, const void* context);
void complete_stat(int code, const struct Stat* stat, const void* context);
void complete_data(int code, const char* value, int size, const struct Stat* stat,
                   const void* context);
void complete_strings(int code, const struct String_vector* strings, const void* context);
void complete_strings_stat(int code, const struct String_vector* strings, const struct Stat* stat,
                           const void* context);
void complete_string(int code, const char* value, const void* context);
void complete_string_stat(int code, const char* value, const struct Stat* stat,
                          const void* context);
void complete_acl(int code, struct ACL_vector* acl, struct Stat* stat, const void* context);

// Checks that the call was accepted, waits for its completion, checks the code of that.
void check_reply(struct Reply* reply, int expected, int accepted, const char* call);

// --- Helpers ---

// Creates a persistent open node; a failure is a failed check.
void make_node(zhandle_t* handle, const char* path, const char* data);
bool has_child(const struct String_vector* children, const char* name);
