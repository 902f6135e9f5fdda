#include "routedk/core/display.h"
#include "routedk/eval/table.h"

#include "table_cells.h"
#include <fmt/format.h>

namespace routedk::eval {
namespace {

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--back:#fff;--text:#1f2328;--line:#d0d7de;--shade:#f4f5f7;--grey:#59636e;--link:#0a58ca}
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--text:#e6edf3;--line:#3d444d;--shade:#161b22;--grey:#9198a1;--link:#6cb0ff}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:80rem;background:var(--back);color:var(--text)}
h1{font-size:1.5rem;line-height:1.25}
h1,p,td:first-child{overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.25rem .35rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
td:first-child,th:first-child,.text{text-align:left}
td:first-child{min-width:8rem}
th{vertical-align:bottom;font-weight:600}
th button{all:unset;cursor:pointer;color:var(--link)}
:focus-visible,th button:focus-visible{outline:3px solid var(--link);outline-offset:2px}
th[aria-sort=ascending] button::after{content:" \2191"}
th[aria-sort=descending] button::after{content:" \2193"}
small{display:block;color:var(--grey);line-height:1.2;font-size:.78em;white-space:nowrap}
.baseline{background:var(--shade)}
.best{font-weight:700}
summary{cursor:pointer;margin:1.5rem 0 .5rem}
p{max-width:60rem}
)";

// Sorts best first, then reversed; rows without a value stay last.
constexpr const char* kScript = R"(
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.querySelectorAll("th")];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const first = head.dataset.first, other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const sign = order === "ascending" ? 1 : -1;
    const compare = (a, b) => {
      if (a === "-" || b === "-") return (a === "-") - (b === "-");
      return sign * (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => compare(key(a), key(b))));
  }));
}
)";

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

/// As markup, with a line break allowed after each part of a name.
std::string in_parts(const std::string& name) {
  std::string parts;
  for (const char c : escaped_markup(name)) {
    parts += c == '_' ? "_<wbr>" : std::string{c};
  }
  return parts;
}

std::string head_of(const std::string& name, Better better, bool is_text) {
  return fmt::format(R"(<th scope="col"{} data-first="{}"><button type="button">{}</button></th>)",
                     is_text ? " class=\"text\"" : "", better == Better::kHigher ? "descending" : "ascending",
                     in_parts(name));
}

std::string html_of(const Cell& cell, const std::string& best) {
  if (!cell.value) {
    return fmt::format("<td{}>{}</td>", cell.text.empty() ? "" : " class=\"text\"",
                       in_parts(shown_figure(cell)));
  }
  const std::string figure = shown_figure(cell);
  const std::string interval = cell.interval
                                   ? fmt::format("<small>{:.{}f} to {:.{}f}</small>", cell.interval->low,
                                                 cell.digits, cell.interval->high, cell.digits)
                                   : "";
  return fmt::format("<td{} data-value=\"{}\">{}{}</td>", figure == best ? " class=\"best\"" : "",
                     *cell.value, figure, interval);
}

std::string html_of(const Table& table, const std::string& label) {
  const std::vector<std::string> best = best_figures(table);
  std::string html =
      fmt::format(R"(<div class="scroll" role="region" aria-label="{}" tabindex="0"><table><thead><tr>{})",
                  label, head_of("system", Better::kNeither, true));
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    html += head_of(table.columns[c].name, table.columns[c].better, c < table.labels);
  }
  html += "</tr></thead><tbody>\n";
  for (const Row& row : table.rows) {
    html +=
        fmt::format("<tr{}><td>{}</td>", row.baseline ? " class=\"baseline\"" : "", escaped_markup(row.name));
    for (std::size_t c = 0; c < row.cells.size(); ++c) {
      html += html_of(row.cells[c], best[c]);
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string paragraphs(const std::vector<std::string>& lines, const char* begin = "") {
  std::string html;
  for (const std::string& line : lines) {
    html += fmt::format("<p>{}{}</p>\n", begin, escaped_markup(line));
  }
  return html;
}

}  // namespace

std::string html_table(const Table& table, const Table* all) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<style>{1}</style></head><body>\n<h1>{0}</h1>\n",
      escaped_markup(table.title), kStyle);
  html += html_of(table, "Results");
  html += marks_best(table) ? "<p>Bold: the best of its column.</p>\n" : "";
  html += paragraphs(table.warnings, "<strong>warning:</strong> ");
  html += paragraphs(meanings(all == nullptr ? table : *all)) + paragraphs(table.notes);
  if (all != nullptr) {
    html += "<details><summary>All figures</summary>\n" + html_of(*all, "All figures") + "</details>\n";
  }
  return html + fmt::format("<script>{}</script>\n</body></html>\n", kScript);
}

}  // namespace routedk::eval
