/// What a shell needs in order to complete a program's command line.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace routedk::apps {

/// A script for bash, or for zsh, which understands bash's by its own bashcompinit: options and subcommands
/// of the program, names that an option takes, settings after --set; file names elsewhere.
std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace routedk::apps
