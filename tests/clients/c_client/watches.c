// Watches: set by each call that sets one, fired by another session, and removed.

#include <string.h>

#include "checks.h"
#include "groups.h"

static struct Session watching;
static struct Session changing;
static struct Events events;
static struct Reply reply;
static char buffer[kDataMax];
static int size;
static struct Stat stat;
static struct String_vector children;

static void open_both(const char* server) {
  open_session(&watching, server);
  open_session(&changing, server);
  init_events(&events);
  init_reply(&reply);
}

static void close_both(void) {
  close_session(&changing);
  close_session(&watching);
}

static void set_data(const char* path) {
  check_code(ZOK, zoo_set(changing.handle, path, "y", 1, -1), "the other session's zoo_set");
}

static void check_exists_watches(void) {
  check_code(ZNONODE, zoo_wexists(watching.handle, "/c-watch/new", record_event, &events, &stat),
             "zoo_wexists, missing node");
  make_node(changing.handle, "/c-watch/new", "x");
  check_event(&events, ZOO_CREATED_EVENT, "/c-watch/new", "zoo_wexists");
  check_reply(
      &reply, ZOK,
      zoo_awexists(watching.handle, "/c-watch/new", record_event, &events, complete_stat, &reply),
      "zoo_awexists");
  set_data("/c-watch/new");
  check_event(&events, ZOO_CHANGED_EVENT, "/c-watch/new", "zoo_awexists");
}

static void check_data_watches(void) {
  size = sizeof buffer;
  check_code(ZOK,
             zoo_wget(watching.handle, "/c-watch/new", record_event, &events, buffer, &size, &stat),
             "zoo_wget");
  set_data("/c-watch/new");
  set_data("/c-watch/new");
  check_event(&events, ZOO_CHANGED_EVENT, "/c-watch/new", "zoo_wget");
  check_reply(
      &reply, ZOK,
      zoo_awget(watching.handle, "/c-watch/new", record_event, &events, complete_data, &reply),
      "zoo_awget");
  check_code(ZOK, zoo_delete(changing.handle, "/c-watch/new", -1), "the other session's delete");
  // The event of the second zoo_set would be here had the watch not been for one event only.
  check_event(&events, ZOO_DELETED_EVENT, "/c-watch/new", "zoo_awget");
  size = sizeof buffer;
  check_code(ZNONODE,
             zoo_wget(watching.handle, "/c-watch/new", record_event, &events, buffer, &size, &stat),
             "zoo_wget, missing node");
  make_node(changing.handle, "/c-watch/new", "x");
}

static void check_children_watches(void) {
  check_code(ZOK, zoo_wget_children(watching.handle, "/c-watch", record_event, &events, &children),
             "zoo_wget_children");
  deallocate_String_vector(&children);
  make_node(changing.handle, "/c-watch/c1", "");
  check_event(&events, ZOO_CHILD_EVENT, "/c-watch", "zoo_wget_children");

  check_code(
      ZOK, zoo_wget_children2(watching.handle, "/c-watch", record_event, &events, &children, &stat),
      "zoo_wget_children2");
  check_number(children.count, stat.numChildren, "numChildren");
  deallocate_String_vector(&children);
  check_code(ZOK, zoo_delete(changing.handle, "/c-watch/c1", -1), "the other session's delete");
  check_event(&events, ZOO_CHILD_EVENT, "/c-watch", "zoo_wget_children2");

  check_reply(&reply, ZOK,
              zoo_awget_children(watching.handle, "/c-watch", record_event, &events,
                                 complete_strings, &reply),
              "zoo_awget_children");
  make_node(changing.handle, "/c-watch/c2", "");
  check_event(&events, ZOO_CHILD_EVENT, "/c-watch", "zoo_awget_children");

  make_node(changing.handle, "/c-watch/parent", "");
  check_reply(&reply, ZOK,
              zoo_awget_children2(watching.handle, "/c-watch/parent", record_event, &events,
                                  complete_strings_stat, &reply),
              "zoo_awget_children2");
  check_code(ZOK, zoo_delete(changing.handle, "/c-watch/parent", -1), "deletion of the parent");
  check_event(&events, ZOO_DELETED_EVENT, "/c-watch/parent", "zoo_awget_children2");
}

// The calls with a flag report to the session's watcher.
static void check_flag_watches(void) {
  struct Events* session = &watching.events;
  check_code(ZOK, zoo_exists(watching.handle, "/c-watch/c2", 1, &stat), "zoo_exists with a watch");
  set_data("/c-watch/c2");
  check_event(session, ZOO_CHANGED_EVENT, "/c-watch/c2", "zoo_exists with a watch");
  size = sizeof buffer;
  check_code(ZOK, zoo_get(watching.handle, "/c-watch/c2", 1, buffer, &size, &stat),
             "zoo_get with a watch");
  set_data("/c-watch/c2");
  check_event(session, ZOO_CHANGED_EVENT, "/c-watch/c2", "zoo_get with a watch");
  check_code(ZOK, zoo_get_children(watching.handle, "/c-watch/c2", 1, &children),
             "zoo_get_children with a watch");
  deallocate_String_vector(&children);
  make_node(changing.handle, "/c-watch/c2/a", "");
  check_event(session, ZOO_CHILD_EVENT, "/c-watch/c2", "zoo_get_children with a watch");
  check_code(ZOK, zoo_get_children2(watching.handle, "/c-watch/c2", 1, &children, &stat),
             "zoo_get_children2 with a watch");
  deallocate_String_vector(&children);
  check_code(ZOK, zoo_delete(changing.handle, "/c-watch/c2/a", -1), "the other session's delete");
  check_event(session, ZOO_CHILD_EVENT, "/c-watch/c2", "zoo_get_children2 with a watch");
}

// Several watchers of one node are told once each, whatever made the watch.
static void check_several_watchers(void) {
  struct Events others;
  init_events(&others);
  size = sizeof buffer;
  zoo_wget(watching.handle, "/c-watch/c2", record_event, &events, buffer, &size, &stat);
  zoo_wexists(watching.handle, "/c-watch/c2", record_event, &others, &stat);
  zoo_wget_children(watching.handle, "/c-watch/c2", record_event, &others, &children);
  deallocate_String_vector(&children);
  check_code(ZOK, zoo_delete(changing.handle, "/c-watch/c2", -1), "the other session's delete");
  check_event(&events, ZOO_DELETED_EVENT, "/c-watch/c2", "the first watcher");
  check_event(&others, ZOO_DELETED_EVENT, "/c-watch/c2", "the second watcher");
  zoo_exists(watching.handle, "/", 0, &stat);
  check_number(1, count_events(&others), "the number of the second watcher's events");
}

void check_watches(const char* server) {
  open_both(server);
  make_node(changing.handle, "/c-watch", "");
  check_exists_watches();
  check_data_watches();
  check_children_watches();
  check_flag_watches();
  check_several_watchers();
  close_both();
}

// The library declares the completion as a pointer to a function pointer, but calls it itself.
static void_completion_t* as_declared(void_completion_t completion) {
  void_completion_t* declared;
  memcpy(&declared, &completion, sizeof declared);
  return declared;
}

static void watch_data(void) {
  size = sizeof buffer;
  check_code(ZOK, zoo_wget(watching.handle, "/c-rm/a", record_event, &events, buffer, &size, &stat),
             "zoo_wget");
}

static void check_removal_by_watcher(void) {
  check_code(
      ZNOWATCHER,
      zoo_remove_watches(watching.handle, "/c-rm/a", ZWATCHTYPE_DATA, record_event, &events, 0),
      "zoo_remove_watches without a watch");
  watch_data();
  check_code(
      ZOK,
      zoo_remove_watches(watching.handle, "/c-rm/a", ZWATCHTYPE_DATA, record_event, &events, 0),
      "zoo_remove_watches");
  watch_data();
  check_reply(&reply, ZOK,
              zoo_aremove_watches(watching.handle, "/c-rm/a", ZWATCHTYPE_DATA, record_event,
                                  &events, 0, as_declared(complete_void), &reply),
              "zoo_aremove_watches");
}

static void check_removal_of_all(void) {
  watch_data();
  check_code(ZOK, zoo_wget_children(watching.handle, "/c-rm/a", record_event, &events, &children),
             "zoo_wget_children");
  deallocate_String_vector(&children);
  check_code(ZOK, zoo_remove_all_watches(watching.handle, "/c-rm/a", ZWATCHTYPE_CHILD, 0),
             "zoo_remove_all_watches of children");
  check_reply(&reply, ZOK,
              zoo_aremove_all_watches(watching.handle, "/c-rm/a", ZWATCHTYPE_ANY, 0,
                                      as_declared(complete_void), &reply),
              "zoo_aremove_all_watches of any kind");
  check_code(ZNOWATCHER, zoo_remove_all_watches(watching.handle, "/c-rm/a", ZWATCHTYPE_ANY, 0),
             "zoo_remove_all_watches again");
}

static void check_configuration_watches(void) {
  size = sizeof buffer;
  check_code(ZOK, zoo_wgetconfig(watching.handle, record_event, &events, buffer, &size, &stat),
             "zoo_wgetconfig");
  check_code(ZOK, zoo_remove_all_watches(watching.handle, ZOO_CONFIG_NODE, ZWATCHTYPE_DATA, 0),
             "removal of the configuration's watch");
  check_reply(&reply, ZOK,
              zoo_awgetconfig(watching.handle, record_event, &events, complete_data, &reply),
              "zoo_awgetconfig");
  check_code(ZOK, zoo_remove_all_watches(watching.handle, ZOO_CONFIG_NODE, ZWATCHTYPE_DATA, 0),
             "removal of the configuration's watch");
}

void check_removal_of_watches(const char* server) {
  open_both(server);
  make_node(changing.handle, "/c-rm", "");
  make_node(changing.handle, "/c-rm/a", "x");
  check_removal_by_watcher();
  check_removal_of_all();
  check_configuration_watches();
  // No watch is left: neither change is reported, though later events are.
  set_data("/c-rm/a");
  make_node(changing.handle, "/c-rm/a/child", "");
  const int told = count_events(&events);
  check_code(ZOK, zoo_wexists(watching.handle, "/c-rm", record_event, &events, &stat),
             "zoo_wexists");
  set_data("/c-rm");
  for (int i = 0; i < told; ++i) check_event(&events, ZOO_NOTWATCHING_EVENT, NULL, "a removal");
  check_event(&events, ZOO_CHANGED_EVENT, "/c-rm", "the only watch left");
  close_both();
}
