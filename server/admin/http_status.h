// What a server tells over HTTP about itself:
//
//   /healthz           200 while the event loop answers (or the server is starting): it lives
//   /readyz            200 while it serves clients with a quorum behind it, else 503 and why
//   /commands          the commands; /commands/NAME in the JSON of ZooKeeper's AdminServer
//
// Nothing here changes anything. Every answer that needs the server's state is asked of the loop,
// through `HttpStatus::Loop`, and is 503 when the loop does not answer in time. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/admin/four_letter.h"
#include "server/admin/http_server.h"
#include "server/admin/view.h"

namespace topod::admin {

// Why the loop has not answered.
enum class LoopSilence { kStarting, kStopping, kNoAnswer };

class HttpStatus {
 public:
  // Calls the question on the loop, with what it may look at.
  using Question = std::function<HttpAnswer(const AdminSource&)>;
  using Loop = std::function<tl::expected<HttpAnswer, LoopSilence>(Question)>;

  // Commands with a four-letter word are answered if the word is.
  HttpStatus(const Whitelist& words, Loop loop) : words_(words), loop_(std::move(loop)) {}

  [[nodiscard]] HttpAnswer answer(std::string_view path) const;

 private:
  [[nodiscard]] HttpAnswer healthz() const;
  [[nodiscard]] HttpAnswer readyz() const;
  [[nodiscard]] HttpAnswer command(std::string_view name) const;

  Whitelist words_;
  Loop loop_;
};

}  // namespace topod::admin
