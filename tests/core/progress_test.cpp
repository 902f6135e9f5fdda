#include "routedk/core/progress.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  EXPECT_THAT(
      screen.shown,
      ElementsAre("\rtrain 25 % [===          ] | 250/1000 steps | 25 steps/s | ETA 0:30 | loss 1.23\x1b[K",
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

TEST(Progress, what_was_done_before_counts_in_the_percent_and_not_in_the_pace) {
  Screen screen;
  Progress progress("train", 64, "examples", screen.output(false));
  progress.begin_at(16);
  screen.seconds += 10;
  progress.advance(16);
  EXPECT_EQ(screen.shown.back(), "train 50 % | 32/64 examples | 1.6 examples/s | ETA 0:20");
  screen.seconds += 20;
  progress.advance(32);
  progress.finish();
  EXPECT_EQ(screen.shown.back(), "train: 48 of 64 examples in 0:30");
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
  EXPECT_THAT(screen.shown, ElementsAre(HasSubstr("\ra 100 % [==="), HasSubstr("\rb 100 % [===")));
  EXPECT_THAT(screen.shown[0], HasSubstr("] | 20/10 steps | 20 steps/s | ETA 0:00\x1b[K"));
  EXPECT_THAT(screen.shown[1], HasSubstr("] | 0/0 steps | 0 steps/s | ETA 0:00\x1b[K"));
}

TEST(Progress, the_time_left_follows_the_pace_of_late) {
  Screen screen;
  Progress progress("train", 10'000, "steps", screen.output(false));
  for (int i = 0; i < 1000; ++i) {
    screen.seconds += 0.1;
    progress.advance(1);
  }
  for (int i = 0; i < 600; ++i) {  // others use half of the CPU for ten minutes
    screen.seconds += 1;
    progress.advance(1);
  }
  EXPECT_THAT(screen.shown.back(), HasSubstr(" | ETA 2:1"));  // hours, for 8,400 steps
}

TEST(Progress, what_is_done_besides_counts_in_the_time_left_and_not_in_the_pace) {
  Screen screen;
  Progress progress("train", 100, "steps", screen.output(false));
  screen.seconds += 10;
  progress.beside(0, 60);  // two validations to come
  progress.advance(10);
  EXPECT_EQ(screen.shown.back(), "train 10 % | 10/100 steps | 1 steps/s | ETA 2:30");
  screen.seconds += 40;
  progress.beside(40, 40);
  screen.seconds += 10;
  progress.advance(10);
  EXPECT_EQ(screen.shown.back(), "train 20 % | 20/100 steps | 1 steps/s | ETA 2:00");
}

TEST(Progress, the_whole_run_is_told_where_it_is_known) {
  Screen screen;
  ProgressOutput output = screen.output(false);
  output.outlook = [](double left) { return left + 600; };
  Progress progress("train", 100, "steps", output);
  screen.seconds += 10;
  progress.advance(10);
  EXPECT_EQ(screen.shown.back(), "train 10 % | 10/100 steps | 1 steps/s | ETA 1:30, all 11:30");
}

TEST(Progress, a_note_is_shown_at_once_on_a_terminal_alone) {
  Screen screen;
  Progress("train", 100, "steps", screen.output(false)).say("validating");
  EXPECT_TRUE(screen.shown.empty());
  Progress progress("train", 100, "steps", screen.output(true));
  progress.say("validating\x1b[2J");
  EXPECT_THAT(screen.shown.back(), HasSubstr(R"(| validating\x1b[2J)"));
  EXPECT_THAT(screen.shown.back(), ::testing::Not(HasSubstr("ETA")));  // no unit is done yet
}

}  // namespace
}  // namespace routedk
