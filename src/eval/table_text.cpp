#include "routedk/core/display.h"
#include "routedk/eval/table.h"

#include <algorithm>
#include <numeric>

#include "table_cells.h"
#include <fmt/format.h>

namespace routedk::eval {
namespace {

constexpr std::size_t kLineWidth = 100;
constexpr std::size_t kHeadWidth = 12;
constexpr std::size_t kNarrowestName = 15;

/// In characters, not bytes.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// "recall_distinct_all" -> "recall_", "distinct_all".
std::vector<std::string> head_lines(const std::string& name) {
  std::vector<std::string> lines{""};
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('_', at), name.size() - 1) + 1;
    if (!lines.back().empty() && lines.back().size() + end - at > kHeadWidth) {
      lines.emplace_back();
    }
    lines.back() += name.substr(at, end - at);
    at = end;
  }
  return lines;
}

struct TextColumn {
  std::vector<std::string> head;
  std::vector<std::string> cells;
  bool left = false;  // alignment
  std::size_t width = 0;
};

std::string text_of(const Cell& cell, const std::string& best, bool with_interval) {
  std::string text = shown_figure(cell);
  if (!best.empty()) {
    text += cell.value && text == best ? "*" : " ";
  }
  if (with_interval && cell.interval) {
    text +=
        fmt::format(" [{:.{}f}, {:.{}f}]", cell.interval->low, cell.digits, cell.interval->high, cell.digits);
  }
  return text;
}

std::vector<TextColumn> columns_of(const Table& table) {
  const std::vector<std::string> best = best_figures(table);
  const std::size_t with_intervals = first_with_intervals(table);
  std::vector<TextColumn> columns(table.columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    TextColumn& column = columns[c];
    column.head = head_lines(table.columns[c].name);
    if (c == with_intervals) {
      column.head.back() += best[c].empty() ? " [95 %]" : "  [95 % interval]";
    }
    const auto is_text = [&](const Row& row) { return !row.cells[c].value && !row.cells[c].text.empty(); };
    column.left = std::ranges::any_of(table.rows, is_text);
    for (const Row& row : table.rows) {
      column.cells.push_back(text_of(row.cells[c], best[c], c == with_intervals));
    }
    for (const auto* part : {&column.head, &column.cells}) {
      for (const std::string& text : *part) {
        column.width = std::max(column.width, width_of(text));
      }
    }
  }
  return columns;
}

void end_line(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
}

/// Wraps words to lines of at most kLineWidth characters; a longer word is split.
std::string wrapped(const std::string& paragraph) {
  std::string text;
  std::size_t used = 0;
  for (std::size_t at = 0; at < paragraph.size();) {
    const std::size_t space = std::min(paragraph.find(' ', at), paragraph.size());
    const std::size_t length = std::min(space - at, kLineWidth);
    if (used > 0) {
      const bool fits = used + 1 + length <= kLineWidth;
      text += fits ? ' ' : '\n';
      used = fits ? used + 1 : 0;
    }
    text += paragraph.substr(at, length);
    used += length;
    at += length + (length == space - at ? 1 : 0);
  }
  return text + "\n";
}

class TextTable {
 public:
  explicit TextTable(const Table& table) : table_(table), columns_(columns_of(table)) {
    const auto add = [](std::size_t sum, const TextColumn& column) { return sum + 1 + column.width; };
    const std::size_t others = std::accumulate(columns_.begin(), columns_.end(), std::size_t{0}, add);
    std::size_t longest = kHead.size();
    for (const Row& row : table.rows) {
      names_.push_back(displayed(row.name));
      longest = std::max(longest, width_of(names_.back()));
    }
    const std::size_t room = others + kNarrowestName < kLineWidth ? kLineWidth - others : kNarrowestName;
    name_width_ = std::min(longest, room);
  }

  std::string text() {
    const std::string title = table_.title.empty() ? "" : wrapped(displayed(table_.title));
    std::size_t first = table_.labels;
    do {
      const std::size_t end = end_of_block(first);
      text_ += text_.empty() ? "" : "\n";
      add_block(first, end);
      first = end;
    } while (first < columns_.size());
    add_notes();
    return title + text_;
  }

 private:
  static constexpr std::string_view kHead = "system";

  /// The end of the columns from `first` on that fit on a line; at least one column.
  std::size_t end_of_block(std::size_t first) const {
    std::size_t used = name_width_;
    for (std::size_t c = 0; c < table_.labels; ++c) {
      used += 1 + columns_[c].width;
    }
    std::size_t end = first;
    while (end < columns_.size() && (end == first || used + 1 + columns_[end].width <= kLineWidth)) {
      used += 1 + columns_[end].width;
      ++end;
    }
    return end;
  }

  /// Calls visit(column) for the labels and the columns of a block.
  template <typename Visit>
  void visit_block(std::size_t first, std::size_t end, const Visit& visit) const {
    for (std::size_t c = 0; c < table_.labels; ++c) {
      visit(columns_[c]);
    }
    for (std::size_t c = first; c < end; ++c) {
      visit(columns_[c]);
    }
  }

  void add_cell(const TextColumn& column, const std::string& cell) {
    text_ +=
        column.left ? fmt::format(" {:<{}}", cell, column.width) : fmt::format(" {:>{}}", cell, column.width);
  }

  void add_block(std::size_t first, std::size_t end) {
    std::size_t height = 1;
    visit_block(first, end, [&](const TextColumn& column) { height = std::max(height, column.head.size()); });
    for (std::size_t line = 0; line < height; ++line) {
      text_ += fmt::format("{:<{}}", line + 1 == height ? kHead : "", name_width_);
      visit_block(first, end, [&](const TextColumn& column) {
        const std::size_t above = height - column.head.size();
        add_cell(column, line < above ? "" : column.head[line - above]);
      });
      end_line(text_);
    }
    for (std::size_t r = 0; r < names_.size(); ++r) {
      const bool fits = width_of(names_[r]) <= name_width_;
      text_ += fits ? "" : wrapped(names_[r]);
      text_ += fmt::format("{:<{}}", fits ? names_[r] : "", name_width_);
      visit_block(first, end, [&](const TextColumn& column) { add_cell(column, column.cells[r]); });
      end_line(text_);
    }
  }

  void add_notes() {
    if (marks_best(table_)) {
      text_ += "* the best of its column\n";
    }
    for (const std::string& meaning : meanings(table_)) {
      text_ += wrapped(meaning);
    }
    for (const std::string& warning : table_.warnings) {
      text_ += wrapped("warning: " + displayed(warning));
    }
  }

  const Table& table_;
  std::vector<TextColumn> columns_;
  std::vector<std::string> names_;
  std::size_t name_width_ = 0;
  std::string text_;
};

}  // namespace

std::string text_table(const Table& table) {
  return TextTable(table).text();
}

}  // namespace routedk::eval
