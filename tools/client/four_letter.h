// Four-letter words: a server's answers to operators ("ruok", "srvr", "mntr", ...).
// Blocking; any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "tools/client/address.h"

namespace topod::client {

// The whole answer, or a sentence about what went wrong within that time.
[[nodiscard]] tl::expected<std::string, std::string> four_letter_word(
    const Address& server, std::string_view word, std::chrono::milliseconds timeout);

}  // namespace topod::client
