#include "tools/ctl/output.h"

#include <algorithm>

#include "proto/check.h"
#include "tools/ctl/text.h"

namespace topod::ctl {

namespace {

constexpr std::string_view kGap = "  ";

const char* escape_of(Colour colour) {
  switch (colour) {
    case Colour::kNone: return "";
    case Colour::kGood: return "\x1b[32m";
    case Colour::kBad: return "\x1b[31m";
    case Colour::kWarning: return "\x1b[33m";
    case Colour::kDim: return "\x1b[2m";
    case Colour::kTitle: return "\x1b[1m";
  }
  return "";
}

std::string in_colour(std::string_view text, Colour colour, bool on) {
  if (!on || colour == Colour::kNone) return std::string(text);
  return escape_of(colour) + std::string(text) + "\x1b[0m";
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  CHECK(row.size() == headings_.size());
  for (Cell& cell : row) cell.text = escaped(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::as_table(bool colour) const {
  if (rows_.empty()) return {};
  std::vector<size_t> widths;
  for (const std::string& heading : headings_) widths.push_back(display_width(heading));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i].text));
    }
  }
  std::string text;
  const auto add_line = [&](const auto& content_of, const auto& colour_of) {
    std::string line;
    for (size_t i = 0; i < headings_.size(); ++i) {
      const std::string content = content_of(i);
      const std::string padding(widths[i] - display_width(content), ' ');
      const bool right = std::find(right_.begin(), right_.end(), i) != right_.end();
      const bool last = i + 1 == headings_.size();
      if (right) line += padding;
      line += in_colour(content, colour_of(i), colour);
      if (!right && !last) line += padding;
      if (!last) line += kGap;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add_line([&](size_t i) { return headings_[i]; }, [](size_t) { return Colour::kTitle; });
  for (const auto& row : rows_) {
    add_line([&](size_t i) { return row[i].text; }, [&](size_t i) { return row[i].colour; });
  }
  return text;
}

std::string Table::as_text() const {
  std::string text;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += '\t';
      text += row[i].text;
    }
    text += '\n';
  }
  return text;
}

std::string Output::coloured(std::string_view text, Colour colour) const {
  return in_colour(text, colour, colour_);
}

void Output::print(const Table& table, const Json& json) {
  switch (format_) {
    case Format::kTable: print_raw(table.as_table(colour_)); break;
    case Format::kJson: print_json(json); break;
    case Format::kText: print_raw(table.as_text()); break;
  }
}

void Output::print_done(std::string_view sentence, const Json& json) {
  if (format_ == Format::kTable) print_line(sentence);
  if (format_ == Format::kJson) print_json(json);
}

std::string json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

void Output::print_json(const Json& json) { print_line(json_text(json)); }

void Output::print_json_line(const Json& json) {
  print_line(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void Output::print_raw(std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), out_); }

void Output::print_line(std::string_view line) {
  print_raw(line);
  print_raw("\n");
}

}  // namespace topod::ctl
