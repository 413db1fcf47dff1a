// Runs recipes over a Connection: asks what they ask and tells them everything they must know. On
// the connection's thread only, never inside a call to the connection. A runner keeps itself alive
// until its recipe is over.
#pragma once

#include <functional>
#include <memory>

#include <asio/steady_timer.hpp>

#include "tools/client/connection.h"
#include "tools/client/core/contender.h"
#include "tools/client/core/leader_watch.h"

namespace topod::client {

class ContenderRunner : public std::enable_shared_from_this<ContenderRunner> {
 public:
  using OnNotice = std::function<void(const Contender::Notice&)>;

  ContenderRunner(Connection& connection, ContenderSettings settings, OnNotice on_notice);

  void start();
  void release() { step(Contender::Release{}); }

 private:
  void step(Contender::Event event);

  Connection& connection_;
  Contender contender_;
  const OnNotice on_notice_;
  asio::steady_timer timer_;
  Connection::ObserverId observer_ = 0;
};

class LeaderWatchRunner : public std::enable_shared_from_this<LeaderWatchRunner> {
 public:
  using OnLeader = std::function<void(Result<std::optional<Leader>>)>;

  LeaderWatchRunner(Connection& connection, std::string queue, OnLeader on_leader);

  void start();
  // Nothing is told from now on.
  void stop();

 private:
  void step(LeaderWatch::Event event);

  Connection& connection_;
  LeaderWatch watch_;
  OnLeader on_leader_;
  Connection::ObserverId observer_ = 0;
};

}  // namespace topod::client
