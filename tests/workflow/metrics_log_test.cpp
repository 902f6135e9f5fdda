#include "routedk/workflow/experiment/metrics_log.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsLog, a_record_is_a_line_and_its_numbers_are_events) {
  const testing::TemporaryFolder folder;
  {
    MetricsLog log(folder.path(), "router");
    log.add({{"resumed_at", 3}});
    log.add({{"step", 4},
             {"group", "router"},
             {"loss", 0.5},
             {"gates",
              {{{"mean", {0.25, 0.75}}, {"collapsed", 1.0}}, {{"mean", {0.75, 0.25}}, {"collapsed", 0.0}}}},
             {"metrics", {{"precision", 0.125}}}});
  }
  std::vector<io::Json> lines;
  io::read_jsonl(folder / "metrics.jsonl",
                 [&](const io::Json& line, std::int64_t) { lines.push_back(line); });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], (io::Json{{"job", "router"}, {"resumed_at", 3}}));
  EXPECT_EQ(lines[1]["gates"][1]["mean"][0], 0.75);
  const auto file = std::filesystem::directory_iterator(folder / "tensorboard")->path();
  const std::string events = testing::content_of(file);
  for (const char* tag : {"router/router/loss", "router/router/gates/mean_0", "router/router/gates/collapsed",
                          "router/router/metrics/precision"}) {
    EXPECT_THAT(events, HasSubstr(tag));
  }
  EXPECT_THAT(events, Not(HasSubstr("resumed_at")));
  EXPECT_THAT(events, HasSubstr(std::string("gates/mean_0\x15\0\0\0\x3F", 17)));  // the layers' mean, 0.5F
}

}  // namespace
}  // namespace routedk::workflow
