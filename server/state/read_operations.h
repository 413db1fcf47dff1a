// The operations behind `read`, for the files that share them; nobody else includes this. Each
// takes the request's record from `in` and appends the reply's to `out`; whatever it has appended
// counts only if it returns Ok.
#pragma once

#include <string>
#include <string_view>

#include "proto/jute.h"
#include "proto/records.h"
#include "server/state/read.h"

namespace topod::state {

struct ReadContext {
  const State& state;
  Watches& watches;
  const Reader& reader;
};

// Ok, NoNode or NoAuth: whether the reader may see the znode in this slot, if there is one.
[[nodiscard]] ErrorCode check_readable(const ReadContext& context, NodeSlot slot);

// Of the znode at this path, which is in this slot.
void write_data_and_stat(const ReadContext& context, std::string_view path, NodeSlot slot,
                         JuteWriter& out);
void write_children(const Tree& tree, NodeSlot slot, JuteWriter& out);

// multi_read.cc
[[nodiscard]] ErrorCode multi_read(const ReadContext& context, JuteReader& in, std::string& out);

// read_watches.cc
[[nodiscard]] ErrorCode add_watch(const ReadContext& context, JuteReader& in, std::string& out);
[[nodiscard]] ErrorCode check_watches(const ReadContext& context, JuteReader& in);
[[nodiscard]] ErrorCode remove_watches(const ReadContext& context, JuteReader& in);
[[nodiscard]] ErrorCode set_watches(const ReadContext& context, JuteReader& in, bool has_persistent,
                                    std::string& events);

}  // namespace topod::state
