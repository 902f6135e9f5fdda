#include "routedk/core/log.h"

#include "routedk/core/error.h"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace routedk {

void init_log(const std::string& level) {
  const spdlog::level::level_enum parsed = spdlog::level::from_str(level);
  // from_str gives "off" for a word it does not know.
  if (parsed == spdlog::level::off && level != "off") {
    throw_<ConfigError>(
        "The log level must be one of trace, debug, info, warning, error, off, but is `{}` instead.", level);
  }
  auto logger =
      std::make_shared<spdlog::logger>("routedk", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%H:%M:%S %l: %v");
  logger->set_level(parsed);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace routedk
