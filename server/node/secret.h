// A configuration value that must not reach a log, an error message or an administrator's screen:
// it prints as *** whatever prints it. Only `reveal()` gives the text away. Plain value.
#pragma once

#include <ostream>
#include <string>
#include <utility>

namespace topod::node {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& reveal() const { return text_; }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

inline constexpr const char* kSecretAsPrinted = "***";

inline std::ostream& operator<<(std::ostream& out, const Secret&) {
  return out << kSecretAsPrinted;
}

}  // namespace topod::node
