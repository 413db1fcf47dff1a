// The few operations on text that reading a configuration takes. ASCII only: no locale changes
// what a key or a word is. Pure; views returned live as long as what they were cut from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace topod::node {

// Without the white space around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] std::string lower_case(std::string_view text);
// At least one part; parts may be empty.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace topod::node
