#include "routedk/core/display.h"
#include "routedk/eval/table.h"

#include <fmt/format.h>

namespace routedk::eval {
namespace {

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#222}"
    "table{border-collapse:collapse}"
    "td,th{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:right;vertical-align:top}"
    "td:first-child,th:first-child{text-align:left;white-space:nowrap}"
    "small{display:block;color:#666;white-space:nowrap}"
    ".baseline{background:#f3f3f3}";

std::string escaped_markup(const std::string& text) {
  std::string safe;
  for (const char c : routedk::escaped(text)) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string html_of(const Cell& cell) {
  if (!cell.value) {
    return "<td>-</td>";
  }
  const std::string value = fmt::format("{:.{}f}", *cell.value, cell.digits);
  return cell.interval ? fmt::format("<td>{}<small>{:.{}f} to {:.{}f}</small></td>", value,
                                     cell.interval->low, cell.digits, cell.interval->high, cell.digits)
                       : fmt::format("<td>{}</td>", value);
}

std::string html_of(const Row& row) {
  std::string html = row.baseline ? "<tr class=\"baseline\"><td>baseline: " : "<tr><td>";
  html += escaped_markup(row.name) + "</td>";
  for (const Cell& cell : row.cells) {
    html += html_of(cell);
  }
  return html + "</tr>\n";
}

}  // namespace

std::string html_table(const Table& table) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n"
      "<style>{1}</style></head><body>\n<h1>{0}</h1>\n",
      escaped_markup(table.title), kStyle);
  for (const std::string& note : table.notes) {
    html += fmt::format("<p>{}</p>\n", escaped_markup(note));
  }
  html += "<table><tr><th>system</th>";
  for (const std::string& column : table.columns) {
    html += fmt::format("<th>{}</th>", escaped_markup(column));
  }
  html += "</tr>\n";
  for (const Row& row : table.rows) {
    html += html_of(row);
  }
  html += "</table>\n";
  for (const std::string& warning : table.warnings) {
    html += fmt::format("<p><strong>warning:</strong> {}</p>\n", escaped_markup(warning));
  }
  return html + "</body></html>\n";
}

}  // namespace routedk::eval
