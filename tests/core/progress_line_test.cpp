#include "routedk/core/progress_line.h"

#include "routedk/core/display.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ProgressState some_state() {
  return {
      "train base, high_level, fine_grained", 420, 1000, "examples", 12.34, 47.0, 750.0, "base loss 1.2345"};
}

TEST(ProgressLine, a_plain_line_says_all_of_it) {
  EXPECT_EQ(
      plain_line(some_state()),
      "train base, high_level, fine_grained 42 % | 420/1000 examples | 12.3 examples/s | ETA 0:47, all 12:30 "
      "| base loss 1.2345");
}

TEST(ProgressLine, never_fills_a_terminal_of_any_width) {
  for (const char* title : {"a", "train base, high_level, fine_grained", "Bündel 品品品品品品品品品品品品"}) {
    ProgressState state = some_state();
    state.title = title;
    for (std::size_t columns = 1; columns < 200; ++columns) {
      const std::string line = terminal_line(state, columns, false);
      EXPECT_LE(most_columns(line), std::max<std::size_t>(columns - 1, 1)) << columns << ": " << line;
    }
  }
}

TEST(ProgressLine, what_matters_most_stays_longest) {
  const auto line = [](std::size_t columns) { return terminal_line(some_state(), columns, false); };
  EXPECT_EQ(line(40), "train base, high_lev... 42 % | ETA 0:47");
  EXPECT_EQ(line(80), "train base, high_level, fine_grained 42 % [=====        ] | ETA 0:47, all 12:30");
  EXPECT_EQ(line(120),
            "train base, high_level, fine_grained 42 % [=====         ] | 420/1000 examples | ETA 0:47, all "
            "12:30 | "
            "base loss 1.2345");
  EXPECT_THAT(line(160), HasSubstr(" | 12.3 examples/s | "));
}

TEST(ProgressLine, colour_takes_no_column) {
  const std::string plain = terminal_line(some_state(), 80, false);
  std::string coloured = terminal_line(some_state(), 80, true);
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  for (const std::string code : {"\x1b[32m", "\x1b[0m"}) {
    ASSERT_THAT(coloured, HasSubstr(code));
    coloured.erase(coloured.find(code), code.size());
  }
  EXPECT_EQ(coloured, plain);
}

TEST(ProgressLine, durations_read_as_clock_times) {
  EXPECT_EQ(format_duration(-1), "0:00");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(725), "12:05");
  EXPECT_EQ(format_duration(3 * 3600 + 7 * 60), "3:07:00");
}

}  // namespace
}  // namespace routedk
