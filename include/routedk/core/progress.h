/// Progress of a long loop: one redrawn line on a terminal, a log line now and then elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace routedk {

/// Where progress goes. The default is stderr: redrawn when it is a terminal, spdlog lines otherwise.
struct ProgressOutput {
  bool terminal = false;
  std::function<double()> now;                     ///< seconds of a clock that never goes back
  std::function<void(const std::string&)> redraw;  ///< text with its control characters, on a terminal
  std::function<void(const std::string&)> line;    ///< one whole line

  static ProgressOutput standard();
};

/// For one thread at a time.
class Progress {
 public:
  /// `total` units are to be done ("steps", "sessions").
  Progress(std::string title, std::int64_t total, std::string unit,
           ProgressOutput output = ProgressOutput::standard());
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Ends the terminal's line when finish() was not reached.
  ~Progress();

  /// `count` more units are done. Shows "train 42 % | 420/1000 steps | 12.3 steps/s | ETA 0:47 | note": on a
  /// terminal at most ten times a second, elsewhere every 10 % but not more often than every second, and at
  /// least every 10 s. Looks for crowding now and then (crowding.h).
  void advance(std::int64_t count, std::string_view note = "");
  /// Prints the total time: "train: 1000 steps in 1:21".
  void finish();

 private:
  std::string status(double now, std::string_view note) const;
  bool due(double now) const;

  std::string title_;
  std::int64_t total_;
  std::string unit_;
  ProgressOutput output_;
  double start_;
  double shown_at_;
  std::int64_t done_ = 0;
  std::int64_t shown_tenths_ = 0;
  bool line_open_ = false;
};

/// "0:47", "12:05", "3:07:00" for a number of seconds.
std::string format_duration(double seconds);

}  // namespace routedk
