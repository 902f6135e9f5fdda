#include "routedk/core/progress_line.h"

#include "routedk/core/display.h"
#include "routedk/core/terminal.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace routedk {
namespace {

constexpr std::size_t kLeastBar = 10;  // columns between the brackets
constexpr std::size_t kMostBar = 30;
constexpr int kGreen = 32;

double share(const ProgressState& state) {
  return state.total > 0
             ? std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0)
             : 1.0;
}

std::string percent(const ProgressState& state) {
  return fmt::format(" {} %", static_cast<int>(100.0 * share(state)));
}

std::string count(const ProgressState& state) {
  return fmt::format(" | {}/{} {}", state.done, state.total, state.unit);
}

std::string rate(const ProgressState& state) {
  return fmt::format(" | {:.3g} {}/s", state.rate, state.unit);
}

std::string time_left(const ProgressState& state) {
  return state.left ? " | ETA " + format_duration(*state.left) : "";
}

std::string time_of_all(const ProgressState& state) {
  return state.whole ? ", all " + format_duration(*state.whole) : "";
}

std::string note(const ProgressState& state) {
  return state.note.empty() ? "" : " | " + state.note;
}

std::string bar(double share, std::size_t size, bool colour) {
  const auto full = static_cast<std::size_t>(share * static_cast<double>(size));
  const std::string done(full, '=');
  return fmt::format(" [{}{}]", colour && full > 0 ? coloured(kGreen, done) : done,
                     std::string(size - full, ' '));
}

/// A part of the line, from left to right.
struct Part {
  std::string text;
  int rank;  ///< 1 is dropped last
  bool shown = false;
};

}  // namespace

std::string plain_line(const ProgressState& state) {
  return state.title + percent(state) + count(state) + rate(state) + time_left(state) + time_of_all(state) +
         note(state);
}

std::string terminal_line(const ProgressState& state, std::size_t columns, bool colour) {
  constexpr std::size_t kFrame = 3;                        // " []"
  const std::size_t room = columns > 1 ? columns - 1 : 1;  // a full last column wraps on some terminals
  std::array<Part, 6> parts{{{std::string(kFrame + kLeastBar, ' '), 3},
                             {count(state), 4},
                             {rate(state), 6},
                             {time_left(state), 1},
                             {time_of_all(state), 2},
                             {note(state), 5}}};
  const std::string now = percent(state);
  std::size_t used = most_columns(state.title) + now.size();
  for (int rank = 1; rank <= 6; ++rank) {
    Part& part = *std::ranges::find(parts, rank, &Part::rank);
    part.shown = used + most_columns(part.text) <= room;
    used += part.shown ? most_columns(part.text) : 0;
  }
  if (!parts[3].shown && parts[3].text.size() + now.size() < room) {  // the time matters more than the title
    parts[4].shown = false;
    const std::string rest = now + parts[3].text;
    return cut_to_columns(state.title, room - rest.size()) + rest;
  }
  if (parts[0].shown) {
    const std::size_t spare = room > used ? room - used : 0;
    parts[0].text = bar(share(state), std::min(kMostBar, kLeastBar + spare), colour);
  }
  std::string line = used > room ? cut_to_columns(state.title + now, room) : state.title + now;
  for (const Part& part : parts) {
    line += part.shown ? part.text : "";
  }
  return line;
}

std::string format_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 1e9)));
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60)
                   : fmt::format("{}:{:02}", minutes, whole % 60);
}

}  // namespace routedk
