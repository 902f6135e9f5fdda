/// Shared by the table writers.
#pragma once

#include "routedk/eval/table.h"

#include <cstddef>
#include <string>
#include <vector>

namespace routedk::eval {

/// "0.555", a text, or a dash.
std::string shown_figure(const Cell& cell);

/// The best value of each column as shown, so that what looks equal is equal; empty if none is marked: no
/// value is better where all are equal.
std::vector<std::string> best_figures(const Table& table);
/// Whether any value of the table is marked as the best.
bool marks_best(const Table& table);

/// The first column that has intervals; the number of columns if none has.
std::size_t first_with_intervals(const Table& table);

/// "NAME: MEANING" of the columns that have one.
std::vector<std::string> meanings(const Table& table);

}  // namespace routedk::eval
