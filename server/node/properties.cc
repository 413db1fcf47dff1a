#include "server/node/properties.h"

#include <cstdint>
#include <optional>

#include "server/node/text.h"

namespace topod::node {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

struct LogicalLine {
  std::string text;  // escapes untouched, continuations joined
  int line = 0;
};

// Cuts physical lines off a text; \n, \r and \r\n end one.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] int line() const { return line_; }

  std::string_view next() {
    const size_t end = rest_.find_first_of("\r\n");
    const std::string_view line = rest_.substr(0, end);
    size_t consumed = line.size();
    if (end != std::string_view::npos) {
      consumed += rest_.substr(end).starts_with("\r\n") ? 2 : 1;
    }
    rest_.remove_prefix(consumed);
    ++line_;
    return line;
  }

 private:
  std::string_view rest_;
  int line_ = 0;
};

std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// An even number of backslashes is that many halves of escaped ones.
bool is_continued(std::string_view line) {
  size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

// The next line that is neither blank nor a comment.
std::optional<LogicalLine> next_logical_line(LineReader& reader) {
  while (!reader.at_end()) {
    std::string_view line = without_leading_blanks(reader.next());
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    LogicalLine logical{{}, reader.line()};
    while (is_continued(line)) {
      logical.text.append(line.substr(0, line.size() - 1));
      line = reader.at_end() ? std::string_view{} : without_leading_blanks(reader.next());
    }
    logical.text.append(line);
    return logical;
  }
  return std::nullopt;
}

void append_utf8(std::string& out, uint32_t code_point) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

// The UTF-16 unit after "\u".
std::optional<uint32_t> parse_code_unit(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  uint32_t unit = 0;
  for (const char c : digits.substr(0, 4)) {
    uint32_t digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<uint32_t>(c - 'A' + 10);
    else
      return std::nullopt;
    unit = unit * 16 + digit;
  }
  return unit;
}

bool is_high_surrogate(uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

// A code point written as one or, above the basic plane, two escaped units. `text` begins after
// the first "\u"; what was read is removed from it.
std::optional<uint32_t> take_code_point(std::string_view& text) {
  const std::optional<uint32_t> unit = parse_code_unit(text);
  if (!unit || is_low_surrogate(*unit)) return std::nullopt;
  text.remove_prefix(4);
  if (!is_high_surrogate(*unit)) return unit;
  if (!text.starts_with("\\u")) return std::nullopt;
  const std::optional<uint32_t> low = parse_code_unit(text.substr(2));
  if (!low || !is_low_surrogate(*low)) return std::nullopt;
  text.remove_prefix(6);
  return 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00);
}

// nullopt: a malformed \u escape.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\' || text.empty()) {
      if (c != '\\') out.push_back(c);
      continue;
    }
    const char escaped = text.front();
    text.remove_prefix(1);
    switch (escaped) {
      case 't': out.push_back('\t'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 'f': out.push_back('\f'); break;
      case 'u': {
        const std::optional<uint32_t> code_point = take_code_point(text);
        if (!code_point) return std::nullopt;
        append_utf8(out, *code_point);
        break;
      }
      default: out.push_back(escaped);
    }
  }
  return out;
}

// Where the key ends: the first separator that is not escaped.
size_t end_of_key(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\')
      ++i;
    else if (line[i] == '=' || line[i] == ':' || is_blank(line[i]))
      return i;
  }
  return line.size();
}

std::string_view value_after(std::string_view line, size_t key_end) {
  std::string_view value = without_leading_blanks(line.substr(key_end));
  if (!value.empty() && (value.front() == '=' || value.front() == ':')) value.remove_prefix(1);
  return without_leading_blanks(value);
}

}  // namespace

tl::expected<std::vector<Property>, PropertyError> parse_properties(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // of editors on Windows
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<Property> properties;
  LineReader reader(text);
  while (const std::optional<LogicalLine> logical = next_logical_line(reader)) {
    const size_t key_end = end_of_key(logical->text);
    std::optional<std::string> key = unescape(std::string_view(logical->text).substr(0, key_end));
    std::optional<std::string> value = unescape(value_after(logical->text, key_end));
    if (!key || !value) {
      return tl::unexpected(PropertyError{
          logical->line, "\\u to be followed by the four hexadecimal digits of a character"});
    }
    properties.push_back({std::move(*key), std::string(trimmed(*value)), logical->line});
  }
  return properties;
}

}  // namespace topod::node
