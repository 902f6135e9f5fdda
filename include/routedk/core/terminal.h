/// Standard error as a terminal: whether it is one, its width, and whether it supports colours.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace routedk {

/// Whether standard error is a terminal that can redraw a line (not TERM=dumb).
bool stderr_is_terminal();

/// Columns of that terminal: as it reports, else COLUMNS, else 80.
std::size_t terminal_columns();

/// Whether text there may be coloured: on such a terminal, unless NO_COLOR is set (https://no-color.org).
bool stderr_takes_colour();

/// The text enclosed in the codes of a colour (ECMA-48: 31 red, 32 green, 33 yellow).
std::string coloured(int colour, std::string_view text);

/// Erases the redrawn line, so that complete lines can be written.
inline constexpr std::string_view kClearLine = "\r\x1b[K";

/// Draws on standard error without ending the line; `open` tells whether text remains on the line then.
void draw_on_stderr(const std::string& text, bool open);
/// Whether there is such text, which kClearLine must erase first.
bool drawn_line_is_open();

}  // namespace routedk
