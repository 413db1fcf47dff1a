#include "checks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t output_mutex = PTHREAD_MUTEX_INITIALIZER;
static int checks_done;
static int checks_failed;

void check(bool passed, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  pthread_mutex_lock(&output_mutex);
  ++checks_done;
  checks_failed += !passed;
  printf("%s %d - ", passed ? "ok" : "not ok", checks_done);
  vprintf(format, arguments);
  printf("\n");
  fflush(stdout);
  pthread_mutex_unlock(&output_mutex);
  va_end(arguments);
}

void check_code(int expected, int actual, const char* call) {
  if (expected == actual) {
    check(true, "%s: %s", call, zerror(expected));
  } else {
    check(false, "%s: expected %d (%s), got %d (%s)", call, expected, zerror(expected), actual,
          zerror(actual));
  }
}

void check_text(const char* expected, const char* actual, const char* what) {
  check(strcmp(expected, actual) == 0, "%s is '%s' (got '%s')", what, expected, actual);
}

void check_number(long long expected, long long actual, const char* what) {
  check(expected == actual, "%s is %lld (got %lld)", what, expected, actual);
}

void say(const char* text) {
  pthread_mutex_lock(&output_mutex);
  printf("# %s\n", text);
  fflush(stdout);
  pthread_mutex_unlock(&output_mutex);
}

int failed_checks(void) { return checks_failed; }

static struct timespec deadline_from_now(void) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += kDeadlineS;
  return deadline;
}

// --- Events ---

void init_events(struct Events* events) {
  memset(events, 0, sizeof *events);
  pthread_mutex_init(&events->mutex, NULL);
  pthread_cond_init(&events->changed, NULL);
}

void record_event(zhandle_t* handle, int type, int state, const char* path, void* context) {
  (void)handle;
  struct Events* events = context;
  pthread_mutex_lock(&events->mutex);
  if (events->count < kEventsMax) {
    struct Event* event = &events->list[events->count++];
    event->type = type;
    event->state = state;
    snprintf(event->path, sizeof event->path, "%s", path ? path : "");
  }
  pthread_cond_broadcast(&events->changed);
  pthread_mutex_unlock(&events->mutex);
}

// The next event, or NULL when none comes before the deadline.
static const struct Event* next_event(struct Events* events) {
  const struct timespec deadline = deadline_from_now();
  const struct Event* event = NULL;
  int waited = 0;
  pthread_mutex_lock(&events->mutex);
  while (events->taken == events->count && waited != ETIMEDOUT) {
    waited = pthread_cond_timedwait(&events->changed, &events->mutex, &deadline);
  }
  if (events->taken < events->count) event = &events->list[events->taken++];
  pthread_mutex_unlock(&events->mutex);
  return event;
}

void check_event(struct Events* events, int type, const char* path, const char* what) {
  const struct Event* event = next_event(events);
  if (!event) {
    check(false, "%s: no event came", what);
    return;
  }
  check(event->type == type && (!path || strcmp(path, event->path) == 0),
        "%s: event %d at '%s' (expected %d at '%s')", what, event->type, event->path, type,
        path ? path : "any");
}

void check_session_event(struct Events* events, int state, const char* what) {
  for (int seen = 0; seen < kEventsMax; ++seen) {
    const struct Event* event = next_event(events);
    if (!event) break;
    if (event->type == ZOO_SESSION_EVENT && event->state == state) {
      check(true, "%s: session state %d", what, state);
      return;
    }
  }
  check(false, "%s: no session event with state %d came", what, state);
}

int count_events(struct Events* events) {
  pthread_mutex_lock(&events->mutex);
  const int count = events->count;
  pthread_mutex_unlock(&events->mutex);
  return count;
}

// --- Sessions ---

void open_session(struct Session* session, const char* server) {
  open_session_as(session, server, NULL);
}

void open_session_as(struct Session* session, const char* server, const clientid_t* identity) {
  init_events(&session->events);
  session->handle = zookeeper_init(server, record_event, kTimeoutMs, identity, &session->events, 0);
  if (!session->handle) {
    check(false, "zookeeper_init(%s) gives a handle", server);
    exit(2);
  }
  check_session_event(&session->events, ZOO_CONNECTED_STATE, "zookeeper_init");
  if (zoo_state(session->handle) != ZOO_CONNECTED_STATE) exit(2);
}

void close_session(struct Session* session) {
  check_code(ZOK, zookeeper_close(session->handle), "zookeeper_close");
}

// --- Replies ---

void init_reply(struct Reply* reply) {
  memset(reply, 0, sizeof *reply);
  pthread_mutex_init(&reply->mutex, NULL);
  pthread_cond_init(&reply->changed, NULL);
}

static void copy_text(struct Reply* reply, const char* value, int size) {
  reply->text_size = size;
  const int kept = size < 0 ? 0 : (size < kDataMax ? size : kDataMax - 1);
  if (kept > 0) memcpy(reply->text, value, (size_t)kept);
  reply->text[kept] = '\0';
}

static void finish(struct Reply* reply, int code, const struct Stat* stat) {
  pthread_mutex_lock(&reply->mutex);
  reply->code = code;
  if (stat) reply->stat = *stat;
  reply->arrived = true;
  pthread_cond_broadcast(&reply->changed);
  pthread_mutex_unlock(&reply->mutex);
}

// The library hands the context back as const, though it was given by us and is ours to change.
static struct Reply* reply_of(const void* context) {
  struct Reply* reply;
  memcpy(&reply, &context, sizeof reply);
  return reply;
}

void complete_void(int code, const void* context) { finish(reply_of(context), code, NULL); }

void complete_stat(int code, const struct Stat* stat, const void* context) {
  finish(reply_of(context), code, code == ZOK ? stat : NULL);
}

void complete_data(int code, const char* value, int size, const struct Stat* stat,
                   const void* context) {
  if (code == ZOK) copy_text(reply_of(context), value, size);
  finish(reply_of(context), code, code == ZOK ? stat : NULL);
}

void complete_strings_stat(int code, const struct String_vector* strings, const struct Stat* stat,
                           const void* context) {
  struct Reply* reply = reply_of(context);
  if (code == ZOK) {
    reply->count = strings->count;
    for (int i = 0; i < strings->count && i < kChildrenMax; ++i) {
      snprintf(reply->children[i], kPathMax, "%s", strings->data[i]);
    }
  }
  finish(reply, code, code == ZOK ? stat : NULL);
}

void complete_strings(int code, const struct String_vector* strings, const void* context) {
  complete_strings_stat(code, strings, NULL, context);
}

void complete_string_stat(int code, const char* value, const struct Stat* stat,
                          const void* context) {
  if (code == ZOK) copy_text(reply_of(context), value, value ? (int)strlen(value) : -1);
  finish(reply_of(context), code, code == ZOK ? stat : NULL);
}

void complete_string(int code, const char* value, const void* context) {
  complete_string_stat(code, value, NULL, context);
}

void complete_acl(int code, struct ACL_vector* acl, struct Stat* stat, const void* context) {
  struct Reply* reply = reply_of(context);
  if (code == ZOK) {
    reply->count = acl->count;
    if (acl->count > 0) {
      reply->permissions = acl->data[0].perms;
      copy_text(reply, acl->data[0].id.scheme, (int)strlen(acl->data[0].id.scheme));
    }
  }
  finish(reply, code, code == ZOK ? stat : NULL);
}

void check_reply(struct Reply* reply, int expected, int accepted, const char* call) {
  if (accepted != ZOK) {
    check_code(ZOK, accepted, call);
    return;
  }
  const struct timespec deadline = deadline_from_now();
  int waited = 0;
  pthread_mutex_lock(&reply->mutex);
  while (!reply->arrived && waited != ETIMEDOUT) {
    waited = pthread_cond_timedwait(&reply->changed, &reply->mutex, &deadline);
  }
  const bool arrived = reply->arrived;
  reply->arrived = false;
  pthread_mutex_unlock(&reply->mutex);
  if (arrived) {
    check_code(expected, reply->code, call);
  } else {
    check(false, "%s: no completion came", call);
  }
}

// --- Helpers ---

void make_node(zhandle_t* handle, const char* path, const char* data) {
  const int code = zoo_create(handle, path, data, data ? (int)strlen(data) : -1,
                              &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
  if (code != ZOK) check_code(ZOK, code, path);
}

bool has_child(const struct String_vector* children, const char* name) {
  for (int i = 0; i < children->count; ++i) {
    if (strcmp(children->data[i], name) == 0) return true;
  }
  return false;
}
