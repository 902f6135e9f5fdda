/// Progress of a long loop: one redrawn line on a terminal, a log line now and then elsewhere.
#pragma once

#include "routedk/core/progress_line.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace routedk {

/// Seconds until all of a run is done, when the loop under way has `left` to go; nothing where unknown.
using Outlook = std::function<std::optional<double>(double left)>;

/// What lines of progress say of the whole run from now on; an empty one says nothing. Of the thread that
/// runs steps.
void set_outlook(Outlook outlook);

/// Where progress goes. The default is stderr: redrawn when it is a terminal, spdlog lines otherwise.
struct ProgressOutput {
  bool terminal = false;
  std::function<double()> now;                     ///< seconds of a clock that never goes back
  std::function<void(const std::string&)> redraw;  ///< text with its control characters, on a terminal
  std::function<void(const std::string&)> line;    ///< one whole line
  std::function<std::size_t()> columns = {};       ///< of the terminal, whose width may change; empty: 80
  bool colour = false;
  Outlook outlook = {};

  static ProgressOutput standard();
};

/// Units and the seconds that they took, those of the last two minutes most of all: a CPU that others begin
/// to use is seen in time.
class Pace {
 public:
  void add(double units, double seconds);
  /// Units a second; 0 before any.
  double rate() const;

 private:
  double units_ = 0.0;
  double seconds_ = 0.0;
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

  /// `count` units were done before this loop began, which do not count in its pace. To be called first.
  void begin_at(std::int64_t count);
  /// `count` more units are done. Shows a line (progress_line.h): on a terminal at most ten times a second,
  /// elsewhere every 10 % but not more often than every second, and at least every 10 s. Looks for crowding
  /// now and then (crowding.h).
  void advance(std::int64_t count, std::string_view note = "");
  /// What is done between units, such as a validation: `spent` seconds since the last call here, which do not
  /// count as time of units, and `left` seconds of it in all that are still to come.
  void beside(double spent, double left);
  /// Shows at once on a terminal what is going on before more units are done.
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
  double counted_until_;  ///< the time that `pace_` knows of
  Pace pace_;
  double left_beside_ = 0.0;
  std::int64_t done_before_ = 0;
  std::int64_t done_ = 0;  ///< in all
  std::int64_t shown_tenths_ = 0;
  bool line_open_ = false;
};

}  // namespace routedk
