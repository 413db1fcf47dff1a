// Drives a Session over asio: resolves names at every attempt, owns the socket and the timer, and
// gives each answer, event and change of state to whom it concerns.
//
// One thread: that which runs the io_context; nothing may be called from elsewhere. Handlers run in
// that thread, never inside a call to this object; they may call it. It must outlive its
// io_context's run. Times are those of `monotonic_ms()`.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "tools/client/address.h"
#include "tools/client/core/session.h"

namespace topod::client {

[[nodiscard]] int64_t monotonic_ms();

class Connection {
 public:
  using Handler = std::function<void(Result<Reply>)>;

  // `settings.servers` is set from the addresses.
  Connection(asio::io_context& io, std::vector<Address> servers, SessionSettings settings);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Everybody who wants to know hears of every event and every change of state.
  struct Observer {
    std::function<void(const WatchNews&)> on_news;
    std::function<void(SessionState)> on_state;
  };
  using ObserverId = uint64_t;
  ObserverId observe(Observer observer);
  void forget(ObserverId id) { observers_.erase(id); }

  void start() { step(Session::Tick{}); }
  // The handler is called exactly once.
  CallId call(Request request, int64_t deadline_ms, Handler handler);
  // Ends the session; observers hear when it is over.
  void close(int64_t deadline_ms) { step(Session::Close{deadline_ms}); }

  [[nodiscard]] asio::io_context& io() { return io_; }
  [[nodiscard]] const Session& session() const { return session_; }
  // Of the server that the session is connected to, or tries.
  [[nodiscard]] const Address& server() const { return servers_[session_.server()]; }

 private:
  struct Link;

  void step(Session::Event event);
  void wake_at(int64_t moment_ms);
  void connect(const Address& server);
  void resolved(const std::shared_ptr<Link>& link);
  void read(const std::shared_ptr<Link>& link);
  void received(const std::shared_ptr<Link>& link);
  void write(const std::shared_ptr<Link>& link);
  void broken(const std::shared_ptr<Link>& link, const std::string& why);
  void deliver(Session::Notice& notice);
  void tell_observers(const std::function<void(const Observer&)>& tell);

  asio::io_context& io_;
  const std::vector<Address> servers_;
  Session session_;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  asio::steady_timer timer_;
  int64_t alarm_ms_ = kNever;  // for which the timer is set
  std::shared_ptr<Link> link_;
  std::map<CallId, Handler> handlers_;
  CallId last_call_ = 0;
  std::map<ObserverId, Observer> observers_;
  ObserverId last_observer_ = 0;
};

}  // namespace topod::client
