#include "server/net/peer_link.h"

#include <utility>

#include <asio/buffer.hpp>
#include <asio/post.hpp>

#include "proto/check.h"
#include "proto/limits.h"

namespace topod::net {

namespace {
constexpr size_t kStrangerReadBytes = 1024;
constexpr size_t kKeepBytes = size_t{1} * 1024 * 1024;
}  // namespace

PeerLink::PeerLink(PeerLinkOwner& owner, asio::ip::tcp::socket socket, std::string address,
                   PeerHandshake::Side side, PeerHandshake handshake)
    : owner_(owner),
      socket_(std::move(socket)),
      address_(std::move(address)),
      side_(side),
      handshake_(std::move(handshake)),
      began_ms_(owner.link_clock_ms()),
      heard_ms_(began_ms_),
      spoke_ms_(began_ms_) {}

void PeerLink::start() {
  asio::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  write_output();
  read();
}

void PeerLink::read() {
  if (closed_) return;
  const std::span<char> room =
      reader_.writable(open_ ? limits::kReadChunkBytes : kStrangerReadBytes);
  socket_.async_read_some(
      asio::buffer(room.data(), room.size()),
      [self = shared_from_this()](const asio::error_code& error, size_t bytes) {
        if (self->closed_) return;
        if (error) {
          self->fail(error == asio::error::eof ? "closed by the other end" : error.message());
          return;
        }
        self->bytes_received_ += bytes;
        self->heard_ms_ = self->owner_.link_clock_ms();
        self->reader_.filled(bytes);
        self->process_frames();
      });
}

void PeerLink::process_frames() {
  while (!closed_) {
    const PeerFrameReader::Next next = reader_.next();
    switch (next.verdict) {
      case PeerFrameReader::Verdict::kFrame:
        if (!open_) {
          follow(handshake_.receive(next.payload));
        } else if (!next.payload.empty() && !owner_.link_frame(*this, next.payload)) {
          fail("a message made no sense");
        }
        break;
      case PeerFrameReader::Verdict::kNeedMore: read(); return;
      case PeerFrameReader::Verdict::kTooLong: bad_frame("a frame was too long"); return;
      case PeerFrameReader::Verdict::kCorrupted: bad_frame("a frame was corrupted"); return;
    }
  }
}

void PeerLink::bad_frame(std::string_view reason) {
  if (open_) {
    fail(reason);
  } else {
    follow(handshake_.receive({}));  // garbage
  }
}

void PeerLink::follow(PeerHandshake::Progress progress) {
  using Progress = PeerHandshake::Progress;
  if (progress == Progress::kVerified) {
    owner_.link_verified(*this);
    return;
  }
  write_output();
  if (closed_) return;
  if (progress == Progress::kRefused) {
    fail(handshake_.explanation());
  } else if (progress == Progress::kOpen) {
    open_ = true;
    began_ms_ = owner_.link_clock_ms();
    reader_.set_payload_bytes_max(limits::kMaxPeerFrameBytes);
    owner_.link_open(*this);
  }
}

void PeerLink::proceed() { follow(handshake_.proceed()); }

void PeerLink::refuse(Refusal refusal) {
  handshake_.refuse(refusal);
  follow(PeerHandshake::Progress::kRefused);
}

// The handshake's few bytes always fit into the kernel's buffer of a new connection.
void PeerLink::write_output() {
  out_ += handshake_.take_output();
  flush();
}

void PeerLink::send(std::string_view payload) {
  if (closed_) return;
  CHECK(open_);
  append_peer_frame(out_, payload);
}

void PeerLink::flush() {
  if (closed_ || writing_) return;
  while (sent_ < out_.size()) {
    asio::error_code error;
    const size_t bytes =
        socket_.write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      wait_writable();
      return;
    }
    if (error) {
      // The owner may be in the middle of sending: it hears of it in the next turn. What the
      // other end had to say may still be unread, so this is left to the reading side if it can.
      out_.clear();
      sent_ = 0;
      asio::post(socket_.get_executor(), [self = shared_from_this(), why = error.message()] {
        if (!self->closed_) self->fail(why);
      });
      return;
    }
    sent_ += bytes;
    bytes_sent_ += bytes;
    spoke_ms_ = owner_.link_clock_ms();
  }
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > kKeepBytes) out_.shrink_to_fit();
}

void PeerLink::wait_writable() {
  // What has gone need not be kept while the other end takes its time.
  if (sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  writing_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const asio::error_code& error) {
                       self->writing_ = false;
                       if (self->closed_) return;
                       if (error) {
                         self->fail(error.message());
                       } else {
                         self->flush();
                       }
                     });
}

void PeerLink::close() {
  if (closed_) return;
  closed_ = true;
  out_.clear();
  sent_ = 0;
  asio::error_code ignored;
  socket_.close(ignored);
}

void PeerLink::fail(std::string_view reason) {
  if (closed_) return;
  const std::shared_ptr<PeerLink> alive = shared_from_this();
  close();
  owner_.link_failed(*this, reason);
}

}  // namespace topod::net
