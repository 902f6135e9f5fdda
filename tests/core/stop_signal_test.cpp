#include "routedk/core/stop_signal.h"

#include <csignal>

#include <gtest/gtest.h>

namespace routedk {
namespace {

TEST(StopSignals, the_first_signal_is_noted_and_a_second_of_its_kind_acts) {
  EXPECT_EXIT(
      {
        const StopSignals signals;
        raise(SIGTERM);
        if (StopSignals::received() == SIGTERM) {
          raise(SIGTERM);
        }
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST(StopSignals, a_closed_terminal_is_noted_however_often_it_says_so) {
  auto* const before = std::signal(SIGHUP, SIG_DFL);
  {
    const StopSignals signals;
    raise(SIGHUP);
    raise(SIGHUP);
    EXPECT_EQ(StopSignals::received(), SIGHUP);
  }
  std::signal(SIGHUP, before);
}

TEST(StopSignals, a_closed_terminal_stays_ignored_where_it_was) {
  auto* const before = std::signal(SIGHUP, SIG_IGN);
  {
    const StopSignals signals;
    raise(SIGHUP);
    EXPECT_EQ(StopSignals::received(), 0);
  }
  EXPECT_EQ(std::signal(SIGHUP, before), SIG_IGN);
}

TEST(StopSignals, an_earlier_signal_is_forgotten_by_the_next) {
  {
    const StopSignals signals;
    raise(SIGINT);
    EXPECT_EQ(StopSignals::received(), SIGINT);
  }
  const StopSignals signals;
  EXPECT_EQ(StopSignals::received(), 0);
}

TEST(StopSignals, the_former_action_is_back_afterwards) {
  EXPECT_EXIT(
      {
        { const StopSignals signals; }
        raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

TEST(StopSignals, the_first_signal_is_answered_at_once) {
  ::testing::internal::CaptureStderr();
  {
    const StopSignals signals("finishing the step");
    raise(SIGINT);
  }
  {
    const StopSignals silent;
    raise(SIGINT);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "finishing the step; Ctrl-C again to stop now\n");
}

TEST(StopSignals, programs_end_with_128_and_the_signal) {
  EXPECT_EQ(exit_code(Interrupted(SIGINT, "stopped")), 130);
  EXPECT_EQ(exit_code(Interrupted(SIGTERM, "stopped")), 143);
}

}  // namespace
}  // namespace routedk
