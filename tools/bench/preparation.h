// What happens before and after a run: znodes are created, and everything is deleted again. One
// connection of its own, many requests in flight, calls that return when all are answered.
// Bounded: each call gives up when no reply has come for some seconds. Errors are sentences.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "tools/bench/connection.h"
#include "tools/bench/options.h"

namespace topod::bench {

class Preparation : private ConnectionHandler {
 public:
  using Outcome = tl::expected<void, std::string>;

  explicit Preparation(const Options& options);

  Outcome connect();
  // Deletes what an earlier run left below options.root, and creates what this one needs.
  Outcome prepare();
  // Deletes options.root and everything below it.
  Outcome clean_up();
  // Closes the session.
  void disconnect();

 private:
  using MakeRequest = std::function<Request(size_t)>;
  using TakeReply = std::function<void(size_t, const Reply&)>;

  // Sends `count` requests, a window of them at a time.
  Outcome send_all(size_t count, const MakeRequest& make, const TakeReply& take);
  Outcome create_numbered(std::string_view prefix, size_t count, std::string_view data);
  Outcome create(const std::string& path);
  Outcome wait_for_progress(const std::function<bool()>& is_done);

  void on_connected(Connection& connection, Nanoseconds now) override;
  void on_reply(Connection& connection, const Reply& reply) override;
  void on_lost(Connection& connection, std::string_view why) override;

  const Options& options_;
  EventLoop loop_;
  Connection connection_;
  TakeReply take_reply_;
  size_t replies_ = 0;
  std::string trouble_;  // empty: none
};

}  // namespace topod::bench
