// What commands print. A command makes one value (a table, a JSON document, lines) and prints it
// once; only watch prints as it goes. Not thread-safe.
//
// Three formats: `table` is for people, `json` is one document for programs (watch: one a line),
// `text` is one item a line with tabs between fields and without headings, for cut and grep.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tools/ctl/record.h"

namespace topod::ctl {

enum class Format { kTable, kJson, kText };

enum class Colour { kNone, kGood, kBad, kWarning, kDim, kTitle };

struct Cell {
  // NOLINTNEXTLINE(google-explicit-constructor): tables read better so
  Cell(std::string content, Colour with = Colour::kNone) : text(std::move(content)), colour(with) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Cell(const char* content) : text(content) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Cell(std::string_view content) : text(content) {}
  std::string text;
  Colour colour = Colour::kNone;
};

// Rows of equal length under headings. Cells may hold anything; they are escaped when shown.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  // Numbers in this column stand at its right side.
  Table& right(size_t column) {
    right_.push_back(column);
    return *this;
  }
  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] size_t size() const { return rows_.size(); }
  [[nodiscard]] std::string as_table(bool colour) const;
  [[nodiscard]] std::string as_text() const;

 private:
  std::vector<std::string> headings_;
  std::vector<size_t> right_;
  std::vector<std::vector<Cell>> rows_;
};

class Output {
 public:
  Output(Format format, bool colour, std::FILE* out = stdout)
      : format_(format), colour_(colour), out_(out) {}

  [[nodiscard]] Format format() const { return format_; }
  [[nodiscard]] bool is_json() const { return format_ == Format::kJson; }
  [[nodiscard]] std::string coloured(std::string_view text, Colour colour) const;

  // A table, or the JSON that says the same.
  void print(const Table& table, const Json& json);
  // For people a sentence, for programs the JSON; nothing as text.
  void print_done(std::string_view sentence, const Json& json);
  void print_json(const Json& json);
  void print_json_line(const Json& json);
  void print_raw(std::string_view bytes);
  void print_line(std::string_view line);
  void flush() { std::fflush(out_); }
  // Standard output could not be written: a full disk, say.
  [[nodiscard]] bool failed() const { return std::ferror(out_) != 0; }

 private:
  Format format_;
  bool colour_;
  std::FILE* out_;
};

// JSON as it is printed: two spaces a level; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string json_text(const Json& json);

}  // namespace topod::ctl
