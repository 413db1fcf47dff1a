#include "tools/bench/first_read.h"

#include <algorithm>

#include "tools/bench/connection.h"

namespace topod::bench {

namespace {

// A refused attempt is repeated after this time, one without an answer is given up after that.
constexpr Nanoseconds kRetryInterval = kMillisecond;
constexpr Nanoseconds kAttemptPatience = 250 * kMillisecond;

class Attempts final : private ConnectionHandler {
 public:
  explicit Attempts(const Options& options)
      : read_(make_get_data(options.path, false)),
        connection_(loop_, *this, 0, settings_of(options)) {}

  tl::expected<FirstRead, std::string> run(Nanoseconds patience) {
    const Nanoseconds began = monotonic_now();
    FirstRead result;
    for (Nanoseconds now = began; now < began + patience; now = monotonic_now()) {
      ++result.attempts;
      attempt(std::min(now + kAttemptPatience, began + patience));
      if (answered_at_ > 0) {
        result.seconds = to_seconds(answered_at_ - began);
        result.answered_at = to_seconds(answered_at_);
        if (error_ != ErrorCode::kOk) return tl::unexpected(std::string(name_of(error_)));
        return result;
      }
      loop_.turn(kRetryInterval);
    }
    return tl::unexpected("no answer after " + std::to_string(result.attempts) + " attempts");
  }

 private:
  static Connection::Settings settings_of(const Options& options) {
    Connection::Settings settings;
    settings.server = options.address_for(0);
    return settings;
  }

  void attempt(Nanoseconds deadline) {
    connection_.open();
    while (!connection_.is_closed()) {
      const Nanoseconds now = monotonic_now();
      // Once connected, the answer may take its time: giving up would only ask again.
      if (now >= deadline && !connection_.is_ready()) return connection_.close();
      loop_.turn(kAttemptPatience);
    }
  }

  void on_connected(Connection& connection, Nanoseconds now) override {
    connection.send(read_, 0, now);
  }
  void on_reply(Connection& connection, const Reply& reply) override {
    if (answered_at_ == 0) {
      answered_at_ = reply.now;
      error_ = reply.error;
      connection.send(make_bare(OpCode::kCloseSession), 0, reply.now);
    } else {
      connection.close();
    }
  }
  void on_lost(Connection&, std::string_view) override {}

  const Request read_;
  EventLoop loop_;
  Connection connection_;
  Nanoseconds answered_at_ = 0;
  ErrorCode error_ = ErrorCode::kOk;
};

}  // namespace

tl::expected<FirstRead, std::string> wait_for_first_read(const Options& options) {
  return Attempts(options).run(from_seconds(options.seconds));
}

}  // namespace topod::bench
