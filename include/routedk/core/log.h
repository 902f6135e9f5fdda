/// Sets up logging once; log calls go to spdlog directly.
#pragma once

#include <string>

namespace routedk {

/// Logs to stderr as "12:34:56 info: text", with the text escaped (core/display.h), at `level` and above:
/// trace, debug, info, warning, error or off. ConfigError for any other level.
void init_log(const std::string& level);

}  // namespace routedk
