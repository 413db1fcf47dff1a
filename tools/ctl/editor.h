// Lets the user change a value in an editor: the value goes to a file as JSON (a record) or as
// text, VISUAL or EDITOR is run on it, and what it leaves is encoded again. One thread; waits for
// the editor.
#pragma once

#include <optional>
#include <string>

#include "tools/client/core/request.h"
#include "tools/ctl/result.h"

namespace topod::ctl {

// Nothing if the value was left as it was. Bytes that are neither a record nor text are refused.
[[nodiscard]] Result<std::optional<std::string>> edit_value(const std::string& path,
                                                            const client::Data& data);

}  // namespace topod::ctl
