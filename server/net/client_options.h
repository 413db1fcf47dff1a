// What the client port may be told; limits are explained in proto/limits.h. Times in ms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "proto/limits.h"

namespace topod::net {

// File descriptors that connections of clients leave to the log, the stored tree and the links to
// other members: the log must be able to open its next file whatever clients do.
inline constexpr uint64_t kReservedFiles = 128;

struct ClientOptions {
  std::string address;  // empty: all addresses, IPv4 and IPv6
  uint16_t port = 0;    // 0: the kernel picks
  int backlog = -1;     // -1: the system's maximum
  bool tcp_keep_alive = false;
  int32_t max_frame_bytes = limits::kMaxFrameBytes;
  uint32_t max_connections = limits::kMaxConnections;
  uint32_t max_connections_per_address = limits::kMaxConnectionsPerAddress;
  uint64_t max_connections_by_files = UINT64_MAX;  // as many as descriptors allow
  size_t unsent_pause_bytes = limits::kUnsentPauseBytes;
  size_t unsent_close_bytes = limits::kUnsentCloseBytes;
  size_t unsent_close_total_bytes = limits::kUnsentCloseTotalBytes;
  int64_t sessionless_timeout_ms = limits::kSessionlessTimeoutMs;
};

}  // namespace topod::net
