#include "routedk/core/log.h"

#include "routedk/core/error.h"
#include "routedk/core/terminal.h"

#include <memory>
#include <string_view>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace routedk {
namespace {

/// The message on one line, without terminal control characters and API keys.
class EscapedMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& line) override {
    const std::string text =
        without_api_keys(escaped(std::string_view(message.payload.data(), message.payload.size())));
    line.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<EscapedMessage>(); }
};

/// Erases the progress line on the terminal.
class ClearedLine final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& /*message*/, const std::tm& /*time*/,
              spdlog::memory_buf_t& line) override {
    if (drawn_line_is_open()) {
      line.append(kClearLine.data(), kClearLine.data() + kClearLine.size());
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<ClearedLine>(); }
};

}  // namespace

void init_log(const std::string& level) {
  const spdlog::level::level_enum parsed = spdlog::level::from_str(level);
  // from_str returns off for unknown words.
  if (parsed == spdlog::level::off && level != "off") {
    throw_<ConfigError>(
        "The log level must be one of trace, debug, info, warning, error, off, but is `{}` instead.", level);
  }
  const auto colours = stderr_takes_colour() ? spdlog::color_mode::always : spdlog::color_mode::never;
  auto logger = std::make_shared<spdlog::logger>(
      "routedk", std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(colours));
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<EscapedMessage>('*').add_flag<ClearedLine>('<').set_pattern("%<%H:%M:%S %^%l%$: %*");
  logger->set_formatter(std::move(formatter));
  logger->set_level(parsed);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace routedk
