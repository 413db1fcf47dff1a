// One TCP connection to another member: first the handshake, then frames both ways. Loop thread
// only; kept alive by its own handlers, owned by the mesh.
//
// What is sent is gathered and written once per turn; what the kernel does not take waits in a
// bounded queue. A frame that is too long, has a wrong hash or makes no sense to the owner ends
// the connection, and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <asio/ip/tcp.hpp>

#include "proto/ids.h"
#include "server/net/peer_frame.h"
#include "server/net/peer_handshake.h"

namespace topod::net {

class PeerLink;

// Called by a link from the loop's handlers; never from inside `send`, `flush` or `close`.
class PeerLinkOwner {
 public:
  virtual ~PeerLinkOwner() = default;
  // The other end is who it says: `proceed` or `refuse`, now.
  virtual void link_verified(PeerLink& link) = 0;
  virtual void link_open(PeerLink& link) = 0;
  // False: the link is to be closed.
  virtual bool link_frame(PeerLink& link, std::string_view payload) = 0;
  // Broken, refused or made no sense; closed by then. Not called after `close`.
  virtual void link_failed(PeerLink& link, std::string_view reason) = 0;
  [[nodiscard]] virtual int64_t link_clock_ms() const = 0;
};

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  PeerLink(PeerLinkOwner& owner, asio::ip::tcp::socket socket, std::string address,
           PeerHandshake::Side side, PeerHandshake handshake);

  void start();
  // In `link_verified` only.
  void proceed();
  void refuse(Refusal refusal);

  // Queues a frame; the bytes go out by `flush`. An empty payload is a sign of life.
  void send(std::string_view payload);
  void flush();
  // At once; what is queued is lost. The owner is not told.
  void close();

  // Identity at the owner; 0 until the owner gives one, when the link is open.
  [[nodiscard]] LinkId id() const { return id_; }
  void set_id(LinkId id) { id_ = id; }

  [[nodiscard]] const PeerHandshake& handshake() const { return handshake_; }
  [[nodiscard]] const Hello& peer() const { return handshake_.peer(); }
  [[nodiscard]] PeerHandshake::Side side() const { return side_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] bool is_open() const { return open_; }
  [[nodiscard]] bool is_closed() const { return closed_; }
  [[nodiscard]] int64_t began_ms() const { return began_ms_; }  // connected, then opened
  [[nodiscard]] int64_t heard_ms() const { return heard_ms_; }
  [[nodiscard]] int64_t spoke_ms() const { return spoke_ms_; }
  // That much of the other end's silence does not count.
  void forgive(int64_t milliseconds) { heard_ms_ += milliseconds; }
  [[nodiscard]] size_t queued_bytes() const { return out_.size() - sent_; }
  [[nodiscard]] uint64_t bytes_received() const { return bytes_received_; }
  [[nodiscard]] uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  void read();
  void process_frames();
  void bad_frame(std::string_view reason);
  void follow(PeerHandshake::Progress progress);
  void write_output();
  void wait_writable();
  void fail(std::string_view reason);

  PeerLinkOwner& owner_;
  asio::ip::tcp::socket socket_;
  std::string address_;
  PeerHandshake::Side side_;
  PeerHandshake handshake_;
  LinkId id_;

  PeerFrameReader reader_{kMaxHandshakeFrameBytes};
  std::string out_;
  size_t sent_ = 0;  // of out_

  int64_t began_ms_;
  int64_t heard_ms_;
  int64_t spoke_ms_;
  uint64_t bytes_received_ = 0;
  uint64_t bytes_sent_ = 0;
  bool open_ = false;
  bool closed_ = false;
  bool writing_ = false;  // waiting for the socket to take more
};

}  // namespace topod::net
