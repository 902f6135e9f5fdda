#pragma once

#include <string>

namespace routedk {

/// What started this process, as a shell would take it: the program's name and its arguments, without API
/// keys; empty where the system does not say.
std::string command_line();

}  // namespace routedk
