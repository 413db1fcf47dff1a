#include "tools/client/recipe_runner.h"

#include <chrono>
#include <limits>
#include <utility>

namespace topod::client {

namespace {
// Recipes keep their own deadlines: they must learn what has become of each request.
constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();
}  // namespace

ContenderRunner::ContenderRunner(Connection& connection, ContenderSettings settings,
                                 OnNotice on_notice)
    : connection_(connection),
      contender_(std::move(settings)),
      on_notice_(std::move(on_notice)),
      timer_(connection.io()) {}

void ContenderRunner::start() {
  const auto self = shared_from_this();
  observer_ = connection_.observe({[self](const WatchNews& news) { self->step(news); },
                                   [self](SessionState state) { self->step(state); }});
  step(Contender::Start{});
  // The session may have ended before there was anybody to tell.
  if (is_final(connection_.session().state())) step(connection_.session().state());
}

void ContenderRunner::step(Contender::Event event) {
  if (contender_.is_over()) return;
  Contender::Output out = contender_.step(std::move(event), monotonic_ms());
  const auto self = shared_from_this();
  for (Contender::Ask& ask : out.asks) {
    connection_.call(std::move(ask.request), kNoDeadline,
                     [self, ticket = ask.ticket](Result<Reply> result) {
                       self->step(Contender::Answer{ticket, std::move(result)});
                     });
  }
  if (contender_.is_over()) connection_.forget(observer_);
  if (out.wake_ms == kNoDeadline) {
    timer_.cancel();
  } else {
    timer_.expires_at(
        std::chrono::steady_clock::time_point(std::chrono::milliseconds(out.wake_ms)));
    timer_.async_wait([self](asio::error_code error) {
      if (!error) self->step(Contender::Tick{});
    });
  }
  for (const Contender::Notice& notice : out.notices) on_notice_(notice);
}

LeaderWatchRunner::LeaderWatchRunner(Connection& connection, std::string queue, OnLeader on_leader)
    : connection_(connection), watch_(std::move(queue)), on_leader_(std::move(on_leader)) {}

void LeaderWatchRunner::start() {
  const auto self = shared_from_this();
  observer_ = connection_.observe({[self](const WatchNews& news) { self->step(news); },
                                   [self](SessionState state) { self->step(state); }});
  step(LeaderWatch::Start{});
}

void LeaderWatchRunner::stop() {
  connection_.forget(observer_);
  on_leader_ = nullptr;
}

void LeaderWatchRunner::step(LeaderWatch::Event event) {
  LeaderWatch::Output out = watch_.step(std::move(event));
  const auto self = shared_from_this();
  for (Contender::Ask& ask : out.asks) {
    connection_.call(std::move(ask.request), kNoDeadline,
                     [self, ticket = ask.ticket](Result<Reply> result) {
                       self->step(Contender::Answer{ticket, std::move(result)});
                     });
  }
  if (out.leader && on_leader_) on_leader_(*out.leader);
  if (!out.error) return;
  if (on_leader_) on_leader_(tl::unexpected(std::move(*out.error)));
  stop();
}

}  // namespace topod::client
