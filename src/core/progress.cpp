#include "routedk/core/progress.h"

#include "routedk/core/crowding.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace routedk {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kLineSeconds = 10;
constexpr double kTenthSeconds = 1;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void redraw_stderr(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace

ProgressOutput ProgressOutput::standard() {
  return {::isatty(STDERR_FILENO) != 0, steady_seconds, redraw_stderr,
          [](const std::string& text) { spdlog::info("{}", text); }};
}

Progress::Progress(std::string title, std::int64_t total, std::string unit, ProgressOutput output)
    : title_(std::move(title)),
      total_(total),
      unit_(std::move(unit)),
      output_(std::move(output)),
      start_(output_.now()),
      shown_at_(start_) {}

Progress::~Progress() {
  if (line_open_) {
    output_.redraw("\n");
  }
}

void Progress::advance(std::int64_t count, std::string_view note) {
  done_ += count;
  look_for_crowding();
  const double now = output_.now();
  if (!due(now)) {
    return;
  }
  if (output_.terminal) {
    output_.redraw("\r" + status(now, note) + "\x1b[K");
    line_open_ = true;
  } else {
    output_.line(status(now, note));
  }
  shown_at_ = now;
  shown_tenths_ = total_ > 0 ? done_ * 10 / total_ : 0;
}

void Progress::finish() {
  const std::string text =
      fmt::format("{}: {} {} in {}", title_, done_, unit_, format_duration(output_.now() - start_));
  if (line_open_) {
    output_.redraw("\r\x1b[K");
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

std::string Progress::status(double now, std::string_view note) const {
  const double rate = static_cast<double>(done_) / std::max(now - start_, 1e-9);
  const double left = static_cast<double>(std::max<std::int64_t>(total_ - done_, 0)) / std::max(rate, 1e-9);
  const std::int64_t percent = total_ > 0 ? std::min<std::int64_t>(done_ * 100 / total_, 100) : 100;
  return fmt::format("{} {} % | {}/{} {} | {:.3g} {}/s | ETA {}{}{}", title_, percent, done_, total_, unit_,
                     rate, unit_, format_duration(left), note.empty() ? "" : " | ", note);
}

std::string format_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::clamp(seconds, 0.0, 1e9)));
  const std::int64_t hours = whole / 3600;
  const std::int64_t minutes = whole / 60 % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60)
                   : fmt::format("{}:{:02}", minutes, whole % 60);
}

}  // namespace routedk
