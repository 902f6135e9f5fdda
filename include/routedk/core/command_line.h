#pragma once

#include <string>

namespace routedk {

/// The command that started this process, quoted for a shell: the program's name and its arguments, without
/// API keys; empty if the system does not provide it.
std::string command_line();

}  // namespace routedk
