// Questions of other threads to the loop, each with a deadline. The loop answers between two
// turns, with values; whoever asks waits, and is told when there was no answer in time, so that a
// loop that hangs is noticed by those who ask and hangs nobody else.
//
// `ask`: any thread but the loop's. `open` and `close`: the loop's thread. Must not outlive the
// io_context; nobody may ask any more when it goes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <tl/expected.hpp>

namespace topod::node {

class LoopGate {
 public:
  enum class Silence {
    kStarting,  // the loop does not turn yet
    kStopping,  // it does not turn any more
    kNoAnswer,  // it has not answered in time
  };

  explicit LoopGate(asio::io_context& io) : io_(io) {}
  LoopGate(const LoopGate&) = delete;
  LoopGate& operator=(const LoopGate&) = delete;

  // From now on the loop turns.
  void open() { set(State::kOpen); }
  // It does not turn any more; whoever waits is told at once.
  void close() { set(State::kClosed); }

  // `question` is called on the loop, unless the deadline has passed by then.
  template <class Question>
  [[nodiscard]] auto ask(std::chrono::milliseconds deadline, Question question)
      -> tl::expected<std::invoke_result_t<Question>, Silence> {
    using Answer = std::invoke_result_t<Question>;
    struct Call {
      std::optional<Answer> answer;
      bool is_given_up = false;
    };
    std::unique_lock lock(mutex_);
    if (state_ != State::kOpen) return tl::unexpected(silence());
    lock.unlock();
    const auto call = std::make_shared<Call>();
    // Not under the mutex, which the loop would wake up to and have to wait for.
    asio::post(io_, [this, call, ask = std::move(question)] {
      {
        const std::lock_guard guard(mutex_);
        if (call->is_given_up) return;
      }
      Answer answer = ask();
      const std::lock_guard guard(mutex_);
      call->answer = std::move(answer);
      changed_.notify_all();
    });
    lock.lock();
    changed_.wait_for(lock, deadline,
                      [&] { return call->answer.has_value() || state_ != State::kOpen; });
    if (call->answer) return std::move(*call->answer);
    call->is_given_up = true;
    return tl::unexpected(silence());
  }

 private:
  enum class State { kStarting, kOpen, kClosed };

  void set(State state) {
    const std::lock_guard lock(mutex_);
    state_ = state;
    changed_.notify_all();
  }
  [[nodiscard]] Silence silence() const {
    if (state_ == State::kStarting) return Silence::kStarting;
    return state_ == State::kClosed ? Silence::kStopping : Silence::kNoAnswer;
  }

  asio::io_context& io_;
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kStarting;  // under the mutex, as the calls' answers are
};

}  // namespace topod::node
