#include "routedk/core/terminal.h"

#include "routedk/core/numbers.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace routedk {
namespace {

std::atomic<bool> line_open = false;

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

}  // namespace

bool stderr_is_terminal() {
  return ::isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb";
}

std::size_t terminal_columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  const std::size_t columns = number_in<std::size_t>(variable("COLUMNS")).value_or(kUsual);
  return columns == 0 ? kUsual : columns;
}

bool stderr_takes_colour() {
  return stderr_is_terminal() && variable("NO_COLOR").empty();
}

std::string coloured(int colour, std::string_view text) {
  return fmt::format("\x1b[{}m{}\x1b[0m", colour, text);
}

void draw_on_stderr(const std::string& text, bool open) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  line_open = open;
}

bool drawn_line_is_open() {
  return line_open;
}

}  // namespace routedk
