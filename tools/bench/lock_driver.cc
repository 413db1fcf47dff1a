#include "tools/bench/lock_driver.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "proto/frame.h"
#include "tools/client/core/recipes.h"

namespace topod::bench {

namespace {

Request framed(const client::Request& request) {
  Request framed;
  const size_t place = begin_frame(framed.frame);
  JuteWriter out(framed.frame);
  RequestHeader{0, static_cast<int32_t>(request.op)}.write(out);
  out.write_raw(request.body);
  end_frame(framed.frame, place);
  return framed;
}

}  // namespace

LockDriver::LockDriver(const Share& share) : PooledDriver(share), places_(share.connections) {}

void LockDriver::start(Nanoseconds now, Nanoseconds) {
  stopped_ = false;
  for (size_t i = 0; i < connection_count(); ++i) {
    if (connection(i).is_ready()) contend(connection(i), now);
  }
}

void LockDriver::contend(Connection& connection, Nanoseconds now) {
  Place& place = places_[connection.index()];
  client::ContenderSettings settings = client::queue_lock(
      share().options.root + "/lock", client::NameStyle::kCurator, client::PlaceKind::kMutex,
      std::to_string(connection.index()), {"topobench", "", "", "", "Running"});
  settings.deadline_ms = std::numeric_limits<int64_t>::max();
  place.contender.emplace(std::move(settings));
  place.asked_at = now;
  place.was_held = false;
  step(connection, client::Contender::Start{}, now);
}

void LockDriver::step(Connection& connection, client::Contender::Event event, Nanoseconds now) {
  Place& place = places_[connection.index()];
  client::Contender::Output out = place.contender->step(std::move(event), now / kMillisecond);
  for (const client::Contender::Ask& ask : out.asks) {
    connection.send(framed(ask.request), static_cast<uint32_t>(ask.ticket), now);
  }
  for (const client::Contender::Notice& notice : out.notices) {
    if (std::holds_alternative<client::Contender::Holds>(notice)) {
      hold(connection, now);
    } else if (const auto* failed = std::get_if<client::Contender::Failed>(&notice)) {
      share().recorder.failed(failed->error.text(), 1);
    } else if (std::holds_alternative<client::Contender::Left>(notice)) {
      // Not before everything else of this turn: the others were there first.
      if (!stopped_ && place.was_held) return contend(connection, now);
    }
  }
}

void LockDriver::hold(Connection& connection, Nanoseconds now) {
  Place& place = places_[connection.index()];
  place.was_held = true;
  share().recorder.answered(std::max(freed_at_, place.asked_at), now);
  freed_at_ = now;
  step(connection, client::Contender::Release{}, now);
}

void LockDriver::on_operation_reply(Connection& connection, const Reply& reply) {
  Place& place = places_[connection.index()];
  if (!place.contender || place.contender->is_over()) return;
  client::Result<client::Reply> result = client::Reply{Zxid{}, std::string(reply.body)};
  if (reply.error != ErrorCode::kOk) {
    result = tl::unexpected(client::Error{.code = reply.error});
  }
  step(connection, client::Contender::Answer{reply.tag, std::move(result)}, reply.now);
}

void LockDriver::on_event(Connection& connection, const WatchEvent& event, Nanoseconds now) {
  Place& place = places_[connection.index()];
  if (!place.contender || place.contender->is_over()) return;
  step(connection,
       client::WatchNews{event.type, std::string(event.path.value_or(std::string_view{})), {}},
       now);
}

void LockDriver::on_lost(Connection& connection, std::string_view why) {
  places_[connection.index()].contender.reset();
  PooledDriver::on_lost(connection, why);
}

bool LockDriver::is_drained() const { return unanswered() == 0; }

uint64_t LockDriver::unanswered() const {
  return static_cast<uint64_t>(std::count_if(
      places_.begin(), places_.end(),
      [](const Place& place) { return place.contender && !place.contender->is_over(); }));
}

}  // namespace topod::bench
