// Who makes how much work, and where: requests and their bytes by client address and by path
// prefix. An estimate: one request in so many is looked at, at random distances, and counts for
// all of them; a read would notice if every one was. Loop thread only.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "proto/ids.h"
#include "server/node/bounded_labels.h"

namespace topod::node {

class LoadMeter {
 public:
  struct Load {
    uint64_t requests = 0;
    uint64_t bytes = 0;
    uint64_t connections_made = 0;
    Load& operator+=(const Load& other) {
      requests += other.requests;
      bytes += other.bytes;
      connections_made += other.connections_made;
      return *this;
    }
  };
  static constexpr size_t kAddressesMax = 100;
  static constexpr size_t kPrefixesMax = 100;
  static constexpr uint32_t kSampleEvery = 16;

  // `path_depth`: components by which paths are told apart; 0: they are not.
  explicit LoadMeter(int path_depth, uint32_t sample_every = kSampleEvery)
      : path_depth_(path_depth), sample_every_(sample_every) {}

  void opened(ConnectionId id, std::string_view address, int64_t now_ms);
  void closed(ConnectionId id);
  // Called for each request: whether it is one of those that are looked at.
  [[nodiscard]] bool takes_next() {
    if (--until_next_ > 0) return false;
    until_next_ = next_distance();
    return true;
  }
  void request(ConnectionId id, std::string_view frame, int64_t now_ms);

  // A slot's users are its open connections.
  [[nodiscard]] const BoundedLabels<Load>& addresses() const { return addresses_; }
  [[nodiscard]] const BoundedLabels<Load>& prefixes() const { return prefixes_; }

 private:
  [[nodiscard]] uint32_t next_distance();

  int path_depth_;
  uint32_t sample_every_;
  uint32_t until_next_ = 1;
  uint32_t random_ = 0x9E3779B9;  // so that no client asks in step with the samples
  BoundedLabels<Load> addresses_{kAddressesMax};
  BoundedLabels<Load> prefixes_{kPrefixesMax};
  std::unordered_map<ConnectionId, size_t> places_;  // among the addresses
};

// The path that a request is about, if it is about one: of a multi that of its first part. A part
// of `frame`.
[[nodiscard]] std::string_view path_in_request(std::string_view frame);

}  // namespace topod::node
