// Requests encoded once, before the clock starts. Sending one is a copy of its bytes with a new
// xid and, where a workload visits many znodes, new digits in its paths: all numbered paths have
// the same length, so nothing else in the frame changes.
//
// Plain values, immutable after construction, may be read by several threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes.h"

namespace topod::bench {

// Digits of the number at the end of a numbered path.
inline constexpr size_t kPathDigits = 8;
inline constexpr uint64_t kZnodesMax = 100'000'000;

// "PREFIX00000042".
[[nodiscard]] std::string numbered_path(std::string_view prefix, uint64_t number);
// Writes the digits of `number` over the kPathDigits characters at `digits`.
void put_number(char* digits, uint64_t number);

// A whole frame (length, xid, opcode, record) with a place for the xid.
struct Request {
  std::string frame;
  // Offsets in `frame` of the digits of the numbered paths, in order.
  std::vector<size_t> numbers;
};

inline constexpr size_t kXidOffset = 4;

[[nodiscard]] Request make_get_data(std::string_view path, bool watch);
[[nodiscard]] Request make_set_data(std::string_view path, std::string_view data);
[[nodiscard]] Request make_get_children(std::string_view path);
[[nodiscard]] Request make_create(std::string_view path, std::string_view data, CreateMode mode);
[[nodiscard]] Request make_delete(std::string_view path);
[[nodiscard]] Request make_bare(OpCode op);  // ping, closeSession

// As above for the path "PREFIX" + kPathDigits digits, to be filled in for each request.
[[nodiscard]] Request make_numbered_get_data(std::string_view prefix);
[[nodiscard]] Request make_numbered_set_data(std::string_view prefix, std::string_view data);
[[nodiscard]] Request make_numbered_create(std::string_view prefix, std::string_view data);
[[nodiscard]] Request make_numbered_delete(std::string_view prefix);
// `count` operations in one multi.
[[nodiscard]] Request make_numbered_multi_set_data(std::string_view prefix, std::string_view data,
                                                   size_t count);
[[nodiscard]] Request make_numbered_multi_create(std::string_view prefix, std::string_view data,
                                                 size_t count);

// Data of that many bytes, the same for the same seed. It does not compress.
[[nodiscard]] std::string make_value(size_t bytes, uint64_t seed);

}  // namespace topod::bench
