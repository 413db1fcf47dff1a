// Phase 0: who should lead. Fast leader election: everybody votes for the best it can see, by
// (current epoch, last zxid, space on disk, server id); who has a quorum of votes leads.
//
// Only liveness hangs on this: a leader is established only if a quorum, in discovery, holds no
// better history than its own. So two rules are kept simple. A server votes only for itself and
// for servers it is linked with, whose credentials it has from themselves (a partition that only
// some can cross does not confuse it). And a server becomes a follower only of one that says
// itself that it leads. Pure; times in milliseconds, monotonic.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>

#include "proto/ids.h"
#include "proto/peer.pb.h"
#include "server/zab/quorum.h"

namespace topod::zab {

struct Credentials {
  Epoch current_epoch;
  Zxid last_zxid;
  bool has_space = true;  // for its log: of equal histories, one that can go on is preferred
  ServerId id;
  auto operator<=>(const Credentials&) const = default;
};

class Election {
 public:
  Election(ServerId self, const Quorum& quorum) : self_(self), quorum_(quorum) {}

  // Begins a round. Not eligible: this server votes (if `votes`) but does not want to lead.
  void look(const Credentials& mine, bool votes, bool eligible, int64_t now_ms);
  void stop() { looking_ = false; }
  [[nodiscard]] bool looking() const { return looking_; }
  [[nodiscard]] bool is_eligible() const { return eligible_; }
  [[nodiscard]] bool has_space() const { return mine_.has_space; }

  // What a linked peer said last. `counts`: its vote does.
  void heard(ServerId peer, const peer::Notification& notification, bool counts, int64_t now_ms);
  void peer_gone(ServerId peer, int64_t now_ms);
  void tick(int64_t now_ms);

  // This server has a quorum of votes.
  [[nodiscard]] bool won(int64_t now_ms) const;
  [[nodiscard]] ServerId vote() const { return vote_; }
  [[nodiscard]] uint64_t round() const { return round_; }
  // The vote or the round has changed since the last call.
  [[nodiscard]] bool take_news();

 private:
  struct Peer {
    uint64_t round = 0;  // 0: it is not looking
    ServerId vote;
    Credentials credentials;
    bool eligible = false;
    bool counts = false;
    bool leads = false;
  };

  // A favourite that does not come to lead. The waits grow, so that voters who changed their minds
  // in turn come to agree on somebody.
  struct Doubt {
    int64_t patience_ms;
    int64_t passed_over_until_ms = 0;
  };

  void choose(int64_t now_ms);
  void think_anew(int64_t now_ms);
  [[nodiscard]] bool is_passed_over(ServerId server, int64_t now_ms) const;
  [[nodiscard]] bool supports_me(ServerId server) const;

  ServerId self_;
  const Quorum& quorum_;
  std::map<ServerId, Peer> peers_;
  Credentials mine_;
  bool votes_ = false;
  bool eligible_ = false;
  bool looking_ = false;
  bool news_ = false;
  uint64_t round_ = 0;
  ServerId vote_;
  int64_t began_ms_ = 0;
  int64_t voted_ms_ = 0;
  std::map<ServerId, Doubt> doubts_;
};

}  // namespace topod::zab
