/// Standard error as a terminal: whether it is one, how wide it is, and whether it shows colours.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace routedk {

/// Whether standard error is a terminal whose line can be drawn again, which one of TERM=dumb is not.
bool stderr_is_terminal();

/// Columns of that terminal: what it says, else COLUMNS, else 80.
std::size_t terminal_columns();

/// Whether text there may be coloured: on such a terminal unless NO_COLOR is set (https://no-color.org).
bool stderr_takes_colour();

/// The text between the codes of a colour (ECMA-48: 31 red, 32 green, 33 yellow).
std::string coloured(int colour, std::string_view text);

/// Takes the line back that is drawn again and again, so that whole lines can be written.
inline constexpr std::string_view kClearLine = "\r\x1b[K";

/// Draws on standard error without ending the line; `open` tells whether something stands there then.
void draw_on_stderr(const std::string& text, bool open);
/// Whether a line stands there that kClearLine must take back first.
bool drawn_line_is_open();

}  // namespace routedk
