// One socket of a client: bytes in, frames out; replies in, bytes out. Reads until told to pause,
// writes at once and waits only when the kernel's buffer is full. Knows nothing of requests but
// their length and of four-letter words that they are the first bytes. Loop thread only.
//
// Closing: what was sent is flushed, our side is shut down, and what the client still sends is
// read and dropped for a moment, for closing a socket with unread bytes would reset it and could
// take the last reply with it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <asio/ip/tcp.hpp>

#include "proto/frame.h"
#include "proto/ids.h"
#include "server/net/client_options.h"
#include "server/node/interfaces.h"

namespace topod::net {

class ClientListener;

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(ClientListener& listener, ConnectionId id, asio::ip::tcp::socket socket,
                   std::string address, uint16_t port, int64_t now_ms);

  void start();
  void send(std::string& bytes);
  void close_after_sending();
  void resume();
  // Called about once a second. True: its time is over and it must be dropped.
  [[nodiscard]] bool overdue(int64_t now_ms) const;
  // Closes the socket at once; its handlers end without a trace.
  void drop();
  void stop_reading() { draining_ = true; }

  [[nodiscard]] ConnectionId id() const { return id_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] size_t unsent_bytes() const { return out_.size() - sent_; }
  [[nodiscard]] bool is_reading() const { return !paused_; }
  [[nodiscard]] bool is_four_letter() const { return four_letter_; }
  [[nodiscard]] bool closing() const { return closing_; }

 private:
  void read();
  void on_read(const asio::error_code& error, size_t bytes);
  void process_frames();
  // True: the first bytes were a word and have been dealt with.
  [[nodiscard]] bool process_word();
  // So much is unsent that no more requests are to be read.
  [[nodiscard]] bool over_pause_mark() const;
  void note_unsent();
  void bad_frame(int32_t length);
  void flush();
  void wait_writable();
  void finish_sending();
  void fail(std::string_view reason);

  ClientListener& listener_;
  ConnectionId id_;
  asio::ip::tcp::socket socket_;
  std::string address_;
  uint16_t port_;
  int64_t opened_ms_;
  int64_t closing_since_ms_ = 0;

  FrameReader reader_;
  size_t read_bytes_;  // asked of the kernel at a time; grows with what comes
  std::string out_;
  size_t sent_ = 0;  // of out_
  size_t noted_unsent_ = 0;

  bool any_frame_ = false;  // the first bytes have been seen
  bool four_letter_ = false;
  bool reading_ = false;   // an asynchronous read is under way
  bool paused_ = false;    // by the handler or by unsent bytes
  bool writing_ = false;   // waiting for the socket to take more
  bool closing_ = false;   // close once all is sent
  bool shut_ = false;      // our side is shut down; dropping what comes
  bool draining_ = false;  // the server stops: nothing new is read
  bool dropped_ = false;
};

}  // namespace topod::net
