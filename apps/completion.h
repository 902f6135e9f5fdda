/// Scripts that complete a program's command line in a shell.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace routedk::apps {

/// Whether the program parses its subcommands, or starts a program of that name, as `routedk run`.
enum class Subcommands { kOwn, kPrograms };

/// A script for bash, or for zsh, which runs bash's through bashcompinit: completes options and subcommands,
/// the names that an option accepts, settings after --set, and otherwise file names.
std::string completion(const CLI::App& app, const std::string& shell, Subcommands kind = Subcommands::kOwn);

}  // namespace routedk::apps
