#include "routedk/core/progress.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

using ::testing::ElementsAre;

// Records what is shown; the clock stands still unless a test moves it.
struct Screen {
  double seconds = 100;
  std::vector<std::string> shown;

  ProgressOutput output(bool terminal) {
    const auto record = [this](const std::string& text) { shown.push_back(text); };
    return {terminal, [this] { return seconds; }, record, record};
  }
};

TEST(Progress, a_terminal_line_is_redrawn_with_percent_rate_eta_and_note) {
  Screen screen;
  Progress progress("train", 1000, "steps", screen.output(true));
  screen.seconds += 10;
  progress.advance(250, "loss 1.23");
  screen.seconds += 70;
  progress.finish();
  EXPECT_THAT(screen.shown,
              ElementsAre("\rtrain 25 % | 250/1000 steps | 25 steps/s | ETA 0:30 | loss 1.23\x1b[K",
                          "\r\x1b[K", "train: 250 steps in 1:20"));
}

TEST(Progress, a_terminal_is_redrawn_at_most_ten_times_a_second_and_at_the_end) {
  Screen screen;
  Progress progress("train", 100, "steps", screen.output(true));
  for (int i = 0; i < 100; ++i) {
    screen.seconds += 0.01;
    progress.advance(1);
  }
  EXPECT_GE(screen.shown.size(), 9U);
  EXPECT_LE(screen.shown.size(), 11U);
  EXPECT_EQ(screen.shown.back().substr(0, 13), "\rtrain 100 % ");
  progress.finish();
}

TEST(Progress, elsewhere_a_line_comes_every_ten_percent) {
  Screen screen;
  Progress progress("train", 1000, "steps", screen.output(false));
  for (int i = 0; i < 1000; ++i) {
    screen.seconds += 0.05;
    progress.advance(1);
  }
  ASSERT_EQ(screen.shown.size(), 10U);
  EXPECT_EQ(screen.shown[0], "train 10 % | 100/1000 steps | 20 steps/s | ETA 0:45");
}

TEST(Progress, elsewhere_a_slow_loop_reports_every_ten_seconds_and_a_fast_one_hardly) {
  Screen slow;
  Progress crawl("eval", 1000, "sessions", slow.output(false));
  for (int i = 0; i < 30; ++i) {
    slow.seconds += 1;
    crawl.advance(1);
  }
  EXPECT_EQ(slow.shown.size(), 3U);

  Screen fast;
  Progress dash("eval", 1000, "sessions", fast.output(false));
  for (int i = 0; i < 1000; ++i) {
    fast.seconds += 0.0001;
    dash.advance(1);
  }
  dash.finish();
  EXPECT_THAT(fast.shown, ElementsAre("eval: 1000 sessions in 0:00"));
}

TEST(Progress, an_abandoned_line_is_ended) {
  Screen screen;
  {
    Progress progress("train", 10, "steps", screen.output(true));
    screen.seconds += 1;
    progress.advance(1);
  }
  EXPECT_EQ(screen.shown.back(), "\n");
}

TEST(Progress, too_much_work_and_none_at_all_stay_at_100_percent) {
  Screen screen;
  Progress more("a", 10, "steps", screen.output(true));
  screen.seconds += 1;
  more.advance(20);
  Progress none("b", 0, "steps", screen.output(true));
  screen.seconds += 1;
  none.advance(0);
  EXPECT_THAT(screen.shown, ElementsAre("\ra 100 % | 20/10 steps | 20 steps/s | ETA 0:00\x1b[K",
                                        "\rb 100 % | 0/0 steps | 0 steps/s | ETA 0:00\x1b[K"));
}

TEST(Progress, durations_read_as_clock_times) {
  EXPECT_EQ(format_duration(-1), "0:00");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(725), "12:05");
  EXPECT_EQ(format_duration(3 * 3600 + 7 * 60), "3:07:00");
}

}  // namespace
}  // namespace routedk
