/// The subcommands of routedk-data, one file each.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace routedk::apps {

/// The chosen subcommand, to be run after parsing.
using Chosen = std::function<void()>;

void add_split(CLI::App& app, Chosen& chosen);
void add_stats(CLI::App& app, Chosen& chosen);
void add_check(CLI::App& app, Chosen& chosen);
void add_add_titles(CLI::App& app, Chosen& chosen);

}  // namespace routedk::apps
