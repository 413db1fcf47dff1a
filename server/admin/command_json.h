// The commands of ZooKeeper's AdminServer that show something, as JSON: the command's fields, then
// "command" and "error". Those that change something, or would show the configuration's secrets,
// are not there. Pure; `run` is called where its source may be asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/admin/four_letter.h"
#include "server/admin/view.h"

namespace topod::admin {

struct Command;

// By any of its names; null: there is no such command.
[[nodiscard]] const Command* find_command(std::string_view name);
// A command with a four-letter word is allowed as that is.
[[nodiscard]] bool is_allowed(const Command& command, const Whitelist& words);
[[nodiscard]] std::string run(const Command& command, const AdminSource& source);

[[nodiscard]] std::string unknown_command(std::string_view name);
[[nodiscard]] std::string disallowed_command(const Command& command);
// A page with a link to each that is allowed.
[[nodiscard]] std::string command_links(const Whitelist& words);

}  // namespace topod::admin
