/// The format of a progress line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace routedk {

/// The state of a loop that the line shows.
struct ProgressState {
  std::string title;  ///< "train base"
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string unit;             ///< "sessions"
  double rate = 0.0;            ///< units per second
  std::optional<double> left;   ///< seconds until the end of this loop; nothing while its rate is unknown
  std::optional<double> whole;  ///< seconds until the end of the whole run
  std::string note;
};

/// "train 42 % | 420/1000 steps | 12.3 steps/s | ETA 0:47, all 12:30 | note"
std::string plain_line(const ProgressState& state);

/// The same with a bar, in fewer than `columns` columns, however few. What does not fit is dropped: first the
/// rate, then the note, the count, the bar, the times of the run and the loop; finally the title is cut. Text
/// must be escaped (core/display.h).
std::string terminal_line(const ProgressState& state, std::size_t columns, bool colour);

/// A number of seconds as "0:47", "12:05" or "3:07:00".
std::string format_duration(double seconds);

}  // namespace routedk
