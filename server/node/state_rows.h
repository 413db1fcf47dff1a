// Between the state in memory and its stored rows: what a changed item looks like on disk, and
// how a row becomes part of the state again. Loop thread, or before it starts.
#pragma once

#include <string>

#include "server/state/state.h"
#include "storage/tree_schema.h"

namespace topod::node {

// Views into the state; valid until it changes.
[[nodiscard]] storage::NodeRow row_of(const state::Tree& tree, state::NodeSlot slot);
[[nodiscard]] storage::SessionRow row_of(const state::Session& session);
[[nodiscard]] storage::MemberRow row_of(const state::Member& mark);

// False: the row makes no sense in this state, and `why` says so.
[[nodiscard]] bool load_row(state::State& state, const storage::NodeRow& row, std::string& why);
[[nodiscard]] bool load_row(state::State& state, const storage::AclRow& row, std::string& why);
void load_row(state::State& state, const storage::SessionRow& row);
void load_row(state::State& state, const storage::MemberRow& row);

}  // namespace topod::node
