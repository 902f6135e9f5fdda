#pragma once

#include <string>

namespace routedk {

/// The command that started this process, quoted for a shell: the program's name and its arguments, without
/// API keys; empty if the system does not provide it.
std::string command_line();

/// A word as a shell takes it: quoted where it must be.
std::string shell_word(const std::string& word);

}  // namespace routedk
