#include "routedk/eval/table.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "table_cells.h"
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::eval {
namespace {

std::vector<std::string> names_of(const std::vector<Column>& columns) {
  std::vector<std::string> names(columns.size());
  std::ranges::transform(columns, names.begin(), &Column::name);
  return names;
}

std::size_t place_of(const Table& table, const std::string& name) {
  const auto found = std::ranges::find(table.columns, name, &Column::name);
  if (found == table.columns.end()) {
    throw_<ConfigError>("a table's column (--columns, --sort) must be one of {}, but is `{}` instead",
                        fmt::join(names_of(table.columns), ", "), name);
  }
  return static_cast<std::size_t>(found - table.columns.begin());
}

/// The indices of the shown columns: the labels and those asked for, each once.
std::vector<std::size_t> places_of(const Table& table, std::vector<std::string> asked) {
  if (asked.empty()) {
    asked = table.usual;
  }
  std::vector<std::size_t> places(
      asked.empty() || asked == std::vector<std::string>{"all"} ? table.columns.size() : table.labels);
  std::iota(places.begin(), places.end(), std::size_t{0});
  if (places.size() < table.columns.size()) {
    for (const std::string& name : asked) {
      const std::size_t place = place_of(table, name);
      if (std::ranges::find(places, place) == places.end()) {
        places.push_back(place);
      }
    }
  }
  return places;
}

/// Whether `a` sorts above `b` in a column: the better value; texts in order; cells with neither last.
bool above(const Cell& a, const Cell& b, Better better) {
  if (a.value && b.value) {
    return better == Better::kHigher ? *a.value > *b.value : *a.value < *b.value;
  }
  if (a.value || b.value) {
    return a.value.has_value();
  }
  return a.text < b.text;
}

void sort_rows(const Table& table, const std::string& by, std::vector<Row>& rows) {
  if (by == "system") {
    std::ranges::stable_sort(rows, {}, &Row::name);
  } else if (!by.empty()) {
    const std::size_t place = place_of(table, by);
    std::ranges::stable_sort(rows, [&](const Row& a, const Row& b) {
      return above(a.cells[place], b.cells[place], table.columns[place].better);
    });
  }
}

}  // namespace

Table shown(const Table& table, const TableView& view) {
  Table part{table.title, table.notes, {}, {}, table.warnings, table.labels, {}};
  const std::vector<std::size_t> places = places_of(table, view.columns);
  for (const std::size_t place : places) {
    part.columns.push_back(table.columns[place]);
  }
  std::vector<Row> rows = table.rows;
  sort_rows(table, view.sort, rows);
  for (Row& row : rows) {
    Row& chosen = part.rows.emplace_back(Row{std::move(row.name), row.baseline, {}});
    for (const std::size_t place : places) {
      chosen.cells.push_back(row.cells[place]);
    }
  }
  return part;
}

std::string shown_figure(const Cell& cell) {
  if (cell.value) {
    return fmt::format("{:.{}f}", *cell.value, cell.digits);
  }
  return cell.text.empty() ? "-" : cell.text;
}

std::vector<std::string> best_figures(const Table& table) {
  std::vector<std::string> best(table.columns.size());
  for (std::size_t c = 0; c < best.size(); ++c) {
    const Better better = table.columns[c].better;
    const Cell* first = nullptr;
    std::set<std::string> figures;
    for (const Row& row : table.rows) {
      const Cell& cell = row.cells[c];
      if (cell.value) {
        figures.insert(shown_figure(cell));
        first = first == nullptr || above(cell, *first, better) ? &cell : first;
      }
    }
    if (figures.size() > 1 && better != Better::kNeither) {
      best[c] = shown_figure(*first);
    }
  }
  return best;
}

bool marks_best(const Table& table) {
  return std::ranges::any_of(best_figures(table), [](const std::string& figure) { return !figure.empty(); });
}

std::size_t first_with_intervals(const Table& table) {
  std::size_t place = 0;
  const auto has = [&](const Row& row) { return row.cells[place].interval.has_value(); };
  while (place < table.columns.size() && std::ranges::none_of(table.rows, has)) {
    ++place;
  }
  return place;
}

std::vector<std::string> meanings(const Table& table) {
  std::vector<std::string> lines;
  for (const Column& column : table.columns) {
    if (!column.meaning.empty()) {
      lines.push_back(fmt::format("{}: {}", column.name, column.meaning));
    }
  }
  return lines;
}

}  // namespace routedk::eval
