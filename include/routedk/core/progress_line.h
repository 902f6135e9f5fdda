/// What a line of progress looks like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace routedk {

/// What it says of a loop.
struct ProgressState {
  std::string title;  ///< "train base"
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string unit;             ///< "sessions"
  double rate = 0.0;            ///< units a second
  std::optional<double> left;   ///< seconds of this loop; nothing while its rate is unknown
  std::optional<double> whole;  ///< seconds until all of the run is done
  std::string note;
};

/// "train 42 % | 420/1000 steps | 12.3 steps/s | ETA 0:47, all 12:30 | note"
std::string plain_line(const ProgressState& state);

/// The same with a bar, in fewer columns than `columns`, however few: what does not fit is left out, the rate
/// first, then the note, the count, the bar, the time of all and of the loop; at last the title is cut. Text
/// must be escaped (core/display.h).
std::string terminal_line(const ProgressState& state, std::size_t columns, bool colour);

/// "0:47", "12:05", "3:07:00" for a number of seconds.
std::string format_duration(double seconds);

}  // namespace routedk
