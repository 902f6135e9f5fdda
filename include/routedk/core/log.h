/// Logging goes through spdlog directly; this sets it up once.
#pragma once

#include <string>

namespace routedk {

/// Logs to stderr as "12:34:56 info: text", the text escaped (core/display.h), from `level` up: trace, debug,
/// info, warning, error or off. ConfigError for any other level.
void init_log(const std::string& level);

}  // namespace routedk
