/// What the writers of tables share.
#pragma once

#include "routedk/eval/table.h"

#include <cstddef>
#include <string>
#include <vector>

namespace routedk::eval {

/// "0.555", a text, or a dash.
std::string shown_figure(const Cell& cell);

/// The best figure of each column as shown, so that what looks equal is equal; empty where none is marked.
std::vector<std::string> best_figures(const Table& table);

/// The first column that has intervals; the number of columns where none has.
std::size_t first_with_intervals(const Table& table);

/// "NAME: MEANING" of the columns that have one.
std::vector<std::string> meanings(const Table& table);

}  // namespace routedk::eval
