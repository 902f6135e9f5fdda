/// Progress of a long loop: a redrawn line on a terminal, occasional log lines elsewhere.
#pragma once

#include "routedk/core/progress_line.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace routedk {

/// Seconds until the whole run is done, if the current loop has `left` to go; nothing if unknown.
using Outlook = std::function<std::optional<double>(double left)>;

/// Sets the estimate for the whole run in progress lines from now on; an empty function removes it. Call it
/// from the thread that runs steps.
void set_outlook(Outlook outlook);

/// Where progress goes. The default is stderr: redrawn when it is a terminal, spdlog lines otherwise.
struct ProgressOutput {
  bool terminal = false;
  std::function<double()> now;                     ///< seconds of a monotonic clock
  std::function<void(const std::string&)> redraw;  ///< text with its control characters, for a terminal
  std::function<void(const std::string&)> line;    ///< one complete line
  std::function<std::size_t()> columns = {};       ///< width of the terminal, which may change; empty: 80
  bool colour = false;
  Outlook outlook = {};

  static ProgressOutput standard();
};

/// Rate of units, weighted towards the last two minutes: it soon reflects when others start to use a CPU.
class Pace {
 public:
  void add(double units, double seconds);
  /// Units per second; 0 before any.
  double rate() const;

 private:
  double units_ = 0.0;
  double seconds_ = 0.0;
};

/// For one thread at a time.
class Progress {
 public:
  /// `total` is the number of units ("steps", "sessions").
  Progress(std::string title, std::int64_t total, std::string unit,
           ProgressOutput output = ProgressOutput::standard());
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Ends the terminal's line if finish() was not reached.
  ~Progress();

  /// Starts from `count` units that were done before this loop and do not count in its pace. Call it first.
  void begin_at(std::int64_t count);
  /// Adds `count` finished units. Shows a line (progress_line.h): on a terminal at most ten times per second,
  /// elsewhere every 10 % but at most once per second, and at least every 10 s. Regularly checks for crowding
  /// (crowding.h).
  void advance(std::int64_t count, std::string_view note = "");
  /// Accounts for work between units, such as a validation: `spent` seconds since the last call, which do not
  /// count as time of units, and `left` seconds of such work still to come in total.
  void beside(double spent, double left);
  /// Shows on a terminal, at once, what is in progress between units.
  void say(std::string_view note);
  /// Prints the total time: "train: 1000 steps in 1:21", or "train: 400 of 1000 steps in 0:32" where others
  /// were done before.
  void finish();

 private:
  ProgressState state(std::string_view note) const;
  bool due(double now) const;
  void show(double now, std::string_view note);

  std::string title_;
  std::int64_t total_;
  std::string unit_;
  ProgressOutput output_;
  double start_;
  double shown_at_;
  double counted_until_;  ///< the time up to which `pace_` has counted
  Pace pace_;
  double left_beside_ = 0.0;
  std::int64_t done_before_ = 0;
  std::int64_t done_ = 0;  ///< in all
  std::int64_t shown_tenths_ = 0;
  bool line_open_ = false;
};

}  // namespace routedk
