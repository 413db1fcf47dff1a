// What happens in a world, event by event: a running hash by which two runs of a seed are
// compared, and, if asked for, a readable line for each event. One thread.
#pragma once

#include <xxhash.h>

#include <concepts>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "proto/ids.h"

namespace topod::sim {

class Trace {
 public:
  // `out`: where lines go; null: nowhere.
  explicit Trace(std::ostream* out) : out_(out) {}

  // "   12.345678 member 2  elected  epoch 4": a time, a subject, a verb and what belongs to it.
  template <class... Details>
  void note(int64_t now_us, std::string_view what, const Details&... details) {
    ++events_;
    if (out_ != nullptr) begin_line(now_us, what);
    add(now_us);
    add_text(what);
    (detail(details), ...);
    if (out_ != nullptr) *out_ << '\n';
  }

  [[nodiscard]] uint64_t hash() const { return hash_; }
  [[nodiscard]] uint64_t events() const { return events_; }
  [[nodiscard]] bool prints() const { return out_ != nullptr; }

 private:
  void begin_line(int64_t now_us, std::string_view what);
  void add(int64_t value) {
    hash_ = (hash_ ^ static_cast<uint64_t>(value)) * 0x9E3779B97F4A7C15ULL;
    hash_ ^= hash_ >> 29;
  }
  void add_text(std::string_view text) {
    add(static_cast<int64_t>(XXH3_64bits(text.data(), text.size())));
  }

  template <std::integral Number>
  void detail(Number number) {
    add(static_cast<int64_t>(number));
    if (out_ != nullptr) *out_ << ' ' << number;
  }
  void detail(Zxid zxid);
  void detail(ServerId server) { detail(server.value()); }
  void detail(ConnectionId connection) { detail(connection.value()); }
  void detail(SessionId session) { detail(Zxid(session.value())); }
  void detail(std::string_view text) {
    add_text(text);
    if (out_ != nullptr) *out_ << ' ' << text;
  }
  void detail(const std::string& text) { detail(std::string_view(text)); }
  void detail(const char* text) { detail(std::string_view(text)); }

  std::ostream* out_;
  uint64_t hash_ = 0;
  uint64_t events_ = 0;
};

}  // namespace topod::sim
