// Shell completion, made from the parser's own table of commands and options, so that it cannot
// disagree with it. Pure.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace topod::ctl {

// A script for `source <(topoctl completion bash)`.
[[nodiscard]] std::string bash_completion(const CLI::App& app);
[[nodiscard]] std::string zsh_completion(const CLI::App& app);

}  // namespace topod::ctl
