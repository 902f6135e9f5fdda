#include "routedk/core/progress.h"

#include "routedk/core/crowding.h"
#include "routedk/core/display.h"
#include "routedk/core/terminal.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kLineSeconds = 10;
constexpr double kTenthSeconds = 1;
constexpr std::size_t kUsualColumns = 80;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Outlook& the_outlook() {
  static Outlook outlook;
  return outlook;
}

}  // namespace

void set_outlook(Outlook outlook) {
  the_outlook() = std::move(outlook);
}

ProgressOutput ProgressOutput::standard() {
  return {stderr_is_terminal(),
          steady_seconds,
          [](const std::string& text) { draw_on_stderr(text, text != "\n" && text != kClearLine); },
          [](const std::string& text) { spdlog::info("{}", text); },
          terminal_columns,
          stderr_takes_colour(),
          [](double left) { return the_outlook() ? the_outlook()(left) : std::nullopt; }};
}

void Pace::add(double units, double seconds) {
  constexpr double kMemory = 120;  // seconds after which a count has decayed by a factor of e
  const double kept = std::exp(-seconds / kMemory);
  units_ = units_ * kept + units;
  seconds_ = seconds_ * kept + seconds;
}

double Pace::rate() const {
  return units_ / std::max(seconds_, 1e-9);
}

Progress::Progress(std::string title, std::int64_t total, std::string unit, ProgressOutput output)
    : title_(std::move(title)),
      total_(total),
      unit_(std::move(unit)),
      output_(std::move(output)),
      start_(output_.now()),
      shown_at_(start_),
      counted_until_(start_) {
  title_ = escaped(title_);
}

Progress::~Progress() {
  if (line_open_) {
    output_.redraw("\n");
  }
}

void Progress::begin_at(std::int64_t count) {
  done_before_ = count;
  done_ = count;
  shown_tenths_ = total_ > 0 ? done_ * 10 / total_ : 0;
}

void Progress::advance(std::int64_t count, std::string_view note) {
  done_ += count;
  look_for_crowding();
  const double now = output_.now();
  pace_.add(static_cast<double>(count), std::max(now - counted_until_, 0.0));
  counted_until_ = now;
  if (due(now)) {
    show(now, note);
  }
}

void Progress::beside(double spent, double left) {
  counted_until_ += spent;
  left_beside_ = left;
}

void Progress::say(std::string_view note) {
  if (output_.terminal) {
    show(output_.now(), note);
  }
}

void Progress::show(double now, std::string_view note) {
  if (output_.terminal) {
    const std::size_t columns = output_.columns ? output_.columns() : kUsualColumns;
    output_.redraw("\r" + terminal_line(state(note), columns, output_.colour) + "\x1b[K");
    line_open_ = true;
  } else {
    output_.line(plain_line(state(note)));
  }
  shown_at_ = now;
  shown_tenths_ = total_ > 0 ? done_ * 10 / total_ : 0;
}

void Progress::finish() {
  const std::string of_all = done_before_ > 0 ? fmt::format(" of {}", done_) : "";
  const std::string text = fmt::format("{}: {}{} {} in {}", title_, done_ - done_before_, of_all, unit_,
                                       format_duration(output_.now() - start_));
  if (line_open_) {
    output_.redraw(std::string(kClearLine));
    line_open_ = false;
  }
  output_.line(text);
}

bool Progress::due(double now) const {
  const double quiet = now - shown_at_;
  if (output_.terminal) {
    return quiet >= kRedrawSeconds || done_ >= total_;
  }
  const bool tenth = total_ > 0 && done_ * 10 / total_ > shown_tenths_;
  return quiet >= kLineSeconds || (tenth && quiet >= kTenthSeconds);
}

ProgressState Progress::state(std::string_view note) const {
  ProgressState state{title_, done_, total_, unit_, pace_.rate(), std::nullopt, std::nullopt, escaped(note)};
  const auto rest = static_cast<double>(std::max<std::int64_t>(total_ - done_, 0));
  if (rest == 0.0 || state.rate > 0.0) {
    state.left = (rest == 0.0 ? 0.0 : rest / state.rate) + left_beside_;
    state.whole = output_.outlook ? output_.outlook(*state.left) : std::nullopt;
  }
  return state;
}

}  // namespace routedk
