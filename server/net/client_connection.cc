#include "server/net/client_connection.h"

#include <algorithm>

#include <asio/buffer.hpp>
#include <asio/post.hpp>

#include "proto/jute.h"
#include "server/net/client_listener.h"

namespace topod::net {

namespace {
// An idle connection costs a small buffer; a busy one is read in large pieces.
constexpr size_t kFirstReadBytes = 2 * 1024;
// How long a client may take to notice that its connection was closed.
constexpr int64_t kLingerMs = 2'000;
constexpr size_t kWordBytes = 4;
constexpr int kFramesPerClockRead = 8;
constexpr std::string_view kTelnetInterrupt = "\xff\xf4\xff\xfd";
}  // namespace

ClientConnection::ClientConnection(ClientListener& listener, ConnectionId id,
                                   asio::ip::tcp::socket socket, std::string address, uint16_t port,
                                   int64_t now_ms)
    : listener_(listener),
      id_(id),
      socket_(std::move(socket)),
      address_(std::move(address)),
      port_(port),
      opened_ms_(now_ms),
      reader_(listener.options().max_frame_bytes),
      read_bytes_(kFirstReadBytes) {}

void ClientConnection::start() { read(); }

void ClientConnection::read() {
  if (reading_ || dropped_) return;
  reading_ = true;
  const std::span<char> room = reader_.writable(read_bytes_);
  socket_.async_read_some(asio::buffer(room.data(), room.size()),
                          [self = shared_from_this()](const asio::error_code& error, size_t bytes) {
                            self->on_read(error, bytes);
                          });
}

void ClientConnection::on_read(const asio::error_code& error, size_t bytes) {
  reading_ = false;
  if (dropped_) return;
  if (error) {
    fail({});
    return;
  }
  listener_.figures().bytes_received += bytes;
  reader_.filled(bytes);
  if (bytes >= read_bytes_) {
    read_bytes_ = std::min(read_bytes_ * 2, limits::kReadChunkBytes);
  }
  if (shut_ || closing_) {
    // Nobody is interested any more; see the header.
    reader_ = FrameReader(listener_.options().max_frame_bytes);
    read();
    return;
  }
  process_frames();
}

void ClientConnection::process_frames() {
  if (!any_frame_ && process_word()) return;
  const int64_t began_ms = listener_.now_ms();
  for (int frames = 1; !dropped_ && !closing_; ++frames) {
    if (paused_ || draining_) return;
    if (frames % kFramesPerClockRead == 0 &&
        listener_.now_ms() - began_ms >= limits::kFrameBudgetMs) {
      // The others, and the clock, have their turn first.
      asio::post(socket_.get_executor(), [self = shared_from_this()] { self->process_frames(); });
      return;
    }
    const FrameReader::Next next = reader_.next();
    switch (next.verdict) {
      case FrameReader::Verdict::kFrame:
        any_frame_ = true;
        if (!listener_.handler().client_frame(id_, next.frame)) paused_ = true;
        break;
      case FrameReader::Verdict::kNeedMore: read(); return;
      case FrameReader::Verdict::kBadLength: bad_frame(next.length); return;
    }
  }
}

bool ClientConnection::process_word() {
  const std::string_view pending = reader_.pending();
  if (pending.size() < kWordBytes) {
    read();
    return true;
  }
  const std::string_view word = pending.substr(0, kWordBytes);
  if (word == kTelnetInterrupt) {
    four_letter_ = true;
    close_after_sending();
    return true;
  }
  // The first bytes of a connect request are the high bytes of a small number, no letters.
  if (word[0] < 'a' || word[0] > 'z') {
    const int32_t length = JuteReader(word).read_int();
    if (length <= limits::kMaxConnectFrameBytes) return false;
    bad_frame(length);
    return true;
  }
  four_letter_ = true;  // the answer may tell of this connection
  node::WordAnswer answer = listener_.handler().four_letter_word(word, pending.substr(kWordBytes));
  four_letter_ = answer.kind != node::WordAnswer::Kind::kNoWord;
  switch (answer.kind) {
    case node::WordAnswer::Kind::kNoWord: return false;
    case node::WordAnswer::Kind::kNeedsArgument: read(); return true;
    case node::WordAnswer::Kind::kAnswer: break;
  }
  if (!answer.text.empty()) send(answer.text);
  close_after_sending();
  return true;
}

void ClientConnection::bad_frame(int32_t length) {
  ++listener_.figures().bad_frames;
  fail(any_frame_ ? "frame length " + std::to_string(length) + " is not between 1 and " +
                        std::to_string(listener_.options().max_frame_bytes)
                  : std::string("first bytes are neither a connect request nor a known word"));
}

void ClientConnection::send(std::string& bytes) {
  if (dropped_ || shut_) {
    bytes.clear();
    return;
  }
  if (out_.empty()) {
    out_.swap(bytes);
  } else {
    out_.append(bytes);
    bytes.clear();
  }
  if (!writing_) flush();
  if (dropped_) return;
  note_unsent();
  if (unsent_bytes() > listener_.options().unsent_close_bytes) {
    ++listener_.figures().slow_readers_closed;
    // The handler may have thrown away the caller's buffer with all else that it knew.
    fail("client does not read: " + std::to_string(unsent_bytes()) + " bytes unsent");
    return;
  }
  if (over_pause_mark()) paused_ = true;
  // The caller's buffer keeps its memory, not a large one though.
  if (out_.empty() && bytes.capacity() < out_.capacity() &&
      out_.capacity() <= limits::kReadChunkBytes) {
    bytes.swap(out_);
  }
}

bool ClientConnection::over_pause_mark() const {
  const ClientOptions& options = listener_.options();
  return unsent_bytes() > options.unsent_pause_bytes ||
         (unsent_bytes() > 0 && listener_.unsent_bytes() > options.unsent_close_total_bytes / 2);
}

void ClientConnection::note_unsent() {
  listener_.unsent_changed(noted_unsent_, unsent_bytes());
  noted_unsent_ = unsent_bytes();
}

void ClientConnection::flush() {
  while (sent_ < out_.size()) {
    asio::error_code error;
    const size_t bytes =
        socket_.write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      wait_writable();
      return;
    }
    if (error) {
      fail({});
      return;
    }
    sent_ += bytes;
    listener_.figures().bytes_sent += bytes;
  }
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > limits::kReadChunkBytes) out_.shrink_to_fit();
  if (closing_) finish_sending();
}

void ClientConnection::wait_writable() {
  // What has gone need not be kept while a slow client takes its time.
  if (sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  writing_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const asio::error_code& error) {
                       self->writing_ = false;
                       if (self->dropped_) return;
                       if (error) {
                         self->fail({});
                         return;
                       }
                       self->flush();
                       if (self->dropped_) return;
                       self->note_unsent();
                       if (self->unsent_bytes() > 0) return;
                       self->listener_.drained(self->id_);
                     });
}

void ClientConnection::resume() {
  if (!paused_ || dropped_ || closing_) return;
  if (over_pause_mark()) return;
  paused_ = false;
  process_frames();
}

void ClientConnection::close_after_sending() {
  if (closing_ || dropped_) return;
  closing_ = true;
  closing_since_ms_ = listener_.now_ms();
  if (!writing_) flush();
}

void ClientConnection::finish_sending() {
  if (shut_) return;
  shut_ = true;
  asio::error_code error;
  char unread;
  socket_.receive(asio::buffer(&unread, 1), asio::ip::tcp::socket::message_peek, error);
  if (error == asio::error::would_block || error == asio::error::eof) {
    fail({});  // nothing unread: closing resets nothing
    return;
  }
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  read();
}

bool ClientConnection::overdue(int64_t now_ms) const {
  if (closing_) return now_ms - closing_since_ms_ >= kLingerMs;
  return now_ms - opened_ms_ >= listener_.options().sessionless_timeout_ms &&
         !listener_.handler().has_session(id_);
}

void ClientConnection::drop() {
  if (dropped_) return;
  dropped_ = true;
  out_.clear();
  sent_ = 0;
  note_unsent();
  asio::error_code ignored;
  socket_.close(ignored);
}

void ClientConnection::fail(std::string_view reason) { listener_.failed(*this, reason); }

}  // namespace topod::net
