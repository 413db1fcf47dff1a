#include "tools/client/core/recipes.h"

namespace topod::client {

namespace {

// Vitess gives these rights to what it takes for a file: nothing can be made or removed below it.
Acls file_acls() { return {Acl{kPermRead | kPermWrite | kPermAdmin, "world", "anyone"}}; }

}  // namespace

ContenderSettings topology_lock(std::string_view path, const LockContents& contents,
                                std::string_view root) {
  ContenderSettings settings;
  settings.queue = std::string(path == "/" ? "" : path) + "/locks";
  settings.contents = to_json(contents);
  settings.acls = file_acls();
  settings.prune_below = std::string(root.empty() ? path : root);
  return settings;
}

ContenderSettings queue_lock(std::string_view queue, NameStyle style, PlaceKind kind,
                             std::string_view guid, const LockContents& contents) {
  ContenderSettings settings;
  settings.queue = std::string(queue);
  settings.prefix = name_prefix(style, kind, guid);
  settings.is_reader = kind == PlaceKind::kReader;
  settings.contents = to_json(contents);
  // A server removes it some time after the last lock is gone, as with Curator's.
  settings.queue_mode = CreateMode::kContainer;
  return settings;
}

ContenderSettings candidacy(std::string_view queue, NameStyle style, std::string_view guid,
                            std::string_view id) {
  ContenderSettings settings;
  settings.queue = std::string(queue);
  settings.prefix = name_prefix(style, PlaceKind::kLeader, guid);
  settings.contents = std::string(id);
  if (style == NameStyle::kVitess) settings.acls = file_acls();
  return settings;
}

}  // namespace topod::client
