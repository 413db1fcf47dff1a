#include "server/admin/http_status.h"

#include "server/admin/command_json.h"

namespace topod::admin {

namespace {

constexpr std::string_view kCommands = "/commands";
constexpr const char* kJson = "application/json; charset=utf-8";

HttpAnswer unavailable(LoopSilence silence) {
  switch (silence) {
    case LoopSilence::kStarting: return {.status = 503, .body = "starting\n"};
    case LoopSilence::kStopping: return {.status = 503, .body = "stopping\n"};
    case LoopSilence::kNoAnswer: break;
  }
  return {.status = 503, .body = "the event loop does not answer\n"};
}

HttpAnswer readiness(const AdminSource& source) {
  if (source.is_stopping()) return {.status = 503, .body = "stopping\n"};
  if (!source.is_serving()) {
    return {.status = 503, .body = "not serving: no quorum, or not up to date with its leader\n"};
  }
  if (source.is_read_only()) {
    return {.status = 503, .body = "read-only: there is no quorum\n"};
  }
  return {.body = "ready\n"};
}

}  // namespace

HttpAnswer HttpStatus::answer(std::string_view path) const {
  if (path == "/healthz") return healthz();
  if (path == "/readyz") return readyz();
  if (path == kCommands || path == "/commands/") {
    return {.type = "text/html; charset=utf-8", .body = command_links(words_)};
  }
  if (path.starts_with(kCommands) && path[kCommands.size()] == '/') {
    return command(path.substr(kCommands.size() + 1));
  }
  return {.status = 404, .body = "served are /healthz, /readyz and /commands\n"};
}

HttpAnswer HttpStatus::healthz() const {
  auto answer = loop_([](const AdminSource&) { return HttpAnswer{.body = "ok\n"}; });
  if (answer) return std::move(*answer);
  // Loading a large tree is no illness, and neither is a stop.
  if (answer.error() == LoopSilence::kStarting) return {.body = "starting\n"};
  if (answer.error() == LoopSilence::kStopping) return {.body = "stopping\n"};
  return unavailable(answer.error());
}

HttpAnswer HttpStatus::readyz() const {
  auto answer = loop_(readiness);
  return answer ? std::move(*answer) : unavailable(answer.error());
}

HttpAnswer HttpStatus::command(std::string_view name) const {
  const Command* known = find_command(name);
  // As ZooKeeper: what went wrong stands in the answer.
  if (known == nullptr) return {.type = kJson, .body = unknown_command(name)};
  if (!is_allowed(*known, words_)) return {.type = kJson, .body = disallowed_command(*known)};
  auto answer = loop_([known](const AdminSource& source) {
    return HttpAnswer{.type = kJson, .body = run(*known, source)};
  });
  return answer ? std::move(*answer) : unavailable(answer.error());
}

}  // namespace topod::admin
