// The links to the other members: listens, dials, authenticates, and keeps one link to each
// configured member. Loop thread only.
//
// Both ends dial whenever there is no link, at once after one that worked has broken and then with
// jittered back-off, so a link is back as soon as either end finds the way. The member with the
// higher id decides which connection becomes the link. One that claims the place of a link is
// taken if the other end has lost that link or it has gone silent; otherwise it is refused, so
// that a second process with the same myid disturbs nobody. Links are pinged while they have
// nothing to say, and closed when nothing is heard.
//
// Errors of one connection end that connection. Handlers may be queued after `stop`; the object
// must live until the loop has run them or is gone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <tl/expected.hpp>

#include "server/net/peer_acceptor.h"
#include "server/net/peer_dialer.h"
#include "server/net/peer_link.h"
#include "server/net/peer_options.h"
#include "server/node/interfaces.h"
#include "server/node/logging.h"
#include "server/node/peer_figures.h"

namespace topod::net {

class PeerMesh final : public node::PeerNet, public node::PeerView, private PeerLinkOwner {
 public:
  PeerMesh(asio::io_context& io, PeerOptions options, node::Entropy& entropy);

  // Binds and listens; the error says which address and why. Nobody is accepted or dialed before
  // `start`.
  [[nodiscard]] tl::expected<void, std::string> listen();
  void start(node::PeerHandler& handler);
  // Closes everything for good; links are reported as disconnected.
  void stop();

  // What this server knows of its ensemble, for handshakes from now on; id 0: nothing yet.
  void set_ensemble(EnsembleId ensemble, bool founded);
  // Of the addresses to listen at, in their order.
  [[nodiscard]] std::vector<uint16_t> ports() const;
  // Writes what was sent in this turn, for a driver that does not want to wait for the next one.
  void flush();

  void send(LinkId link, std::string_view message) override;
  void close(LinkId link, std::string_view reason) override;
  [[nodiscard]] size_t queued_bytes(LinkId link) const override;

  [[nodiscard]] std::vector<node::PeerFigures> peers() const override;
  [[nodiscard]] const node::RefusalFigures& refusals() const override { return refusals_; }

 private:
  using LinkPointer = std::shared_ptr<PeerLink>;

  struct Member {
    Member(asio::io_context& io, PeerMember configured, const std::string& dial_from,
           PeerDialer::Events events);

    PeerMember config;
    PeerDialer dialer;
    asio::steady_timer retry_timer;
    LinkPointer greeting;  // the connection that was dialed, in its handshake
    LinkPointer link;      // open
    LinkId lost;           // open until now, to be reported
    uint64_t last_link = 0;
    int attempts = 0;  // that failed since the last link that worked
    bool told_unreachable = false;
    node::PeerFigures figures;  // of links that are gone
  };

  void accepted(asio::ip::tcp::socket socket, const std::string& address);
  void dial(Member& member);
  void dialed(Member& member, asio::ip::tcp::socket socket, const std::string& address);
  void dial_failed(Member& member, const std::string& why);
  void retry(Member& member);
  void stop_dialing(Member& member);
  // Connections.
  // `dialed` is null for one that was accepted.
  [[nodiscard]] LinkPointer connection(asio::ip::tcp::socket socket, const std::string& address,
                                       const Member* dialed);
  void link_verified(PeerLink& link) override;
  void link_open(PeerLink& link) override;
  bool link_frame(PeerLink& link, std::string_view payload) override;
  void link_failed(PeerLink& link, std::string_view reason) override;
  [[nodiscard]] int64_t link_clock_ms() const override;
  [[nodiscard]] Refusal judge(const PeerLink& link, const Member& member) const;
  void note_refusal(const PeerLink& link);
  void lose(Member& member, std::string_view reason);
  void report_lost(Member& member);
  // Now and then.
  void sweep();
  void look_after(Member& member, int64_t now_ms);
  void drop_slow_strangers(int64_t now_ms);

  [[nodiscard]] Member* find(ServerId id);
  [[nodiscard]] Member* find(LinkId id);
  [[nodiscard]] const Member* find(LinkId id) const;
  [[nodiscard]] uint64_t random();

  asio::io_context& io_;
  PeerOptions options_;
  node::Entropy& entropy_;
  node::PeerHandler* handler_ = nullptr;
  Hello hello_;  // what is the same in all of ours
  std::vector<ServerId> member_ids_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::unique_ptr<PeerAcceptor>> acceptors_;
  asio::steady_timer sweep_timer_;
  std::vector<LinkPointer> strangers_;  // accepted, in their handshake, oldest first

  uint64_t last_link_id_ = 0;
  int64_t ping_ms_ = 0;
  int64_t sweep_due_ms_ = 0;
  bool flush_scheduled_ = false;
  bool stopped_ = false;
  node::RefusalFigures refusals_;
  std::map<std::string, int64_t> told_refusals_;  // when each was logged
  node::RateLimitedLog log_;
};

}  // namespace topod::net
