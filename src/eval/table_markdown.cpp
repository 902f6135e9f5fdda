#include "routedk/core/display.h"
#include "routedk/eval/table.h"

#include <fmt/format.h>

namespace routedk::eval {
namespace {

/// Neither the end of a cell nor a tag.
std::string escaped_cell(const std::string& text) {
  std::string safe;
  for (const char c : routedk::escaped(text)) {
    safe += c == '|' || c == '\\' || c == '<' ? std::string{'\\', c} : std::string{c};
  }
  return safe;
}

std::string text_of(const Cell& cell) {
  if (!cell.value) {
    return "-";
  }
  const std::string value = fmt::format("{:.{}f}", *cell.value, cell.digits);
  return cell.interval ? fmt::format("{} [{:.{}f}, {:.{}f}]", value, cell.interval->low, cell.digits,
                                     cell.interval->high, cell.digits)
                       : value;
}

}  // namespace

std::string markdown_table(const Table& table) {
  std::string text = fmt::format("# {}\n\n", escaped_cell(table.title));
  for (const std::string& note : table.notes) {
    text += escaped_cell(note) + "\n\n";
  }
  text += "| system |";
  std::string rule = "|---|";
  for (const std::string& column : table.columns) {
    text += fmt::format(" {} |", escaped_cell(column));
    rule += "---:|";
  }
  text += "\n" + rule + "\n";
  for (const Row& row : table.rows) {
    text += fmt::format("| {}{} |", row.baseline ? "baseline: " : "", escaped_cell(row.name));
    for (const Cell& cell : row.cells) {
      text += fmt::format(" {} |", text_of(cell));
    }
    text += "\n";
  }
  for (const std::string& warning : table.warnings) {
    text += fmt::format("\n**warning:** {}\n", escaped_cell(warning));
  }
  return text;
}

}  // namespace routedk::eval
