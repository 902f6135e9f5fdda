#include "routedk/text/rouge.h"

#include "routedk/io/jsonl.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace routedk::text {
namespace {

TEST(RougeL, equals_that_of_rouge_score) {
  const auto golden = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "tests/goldens/rouge_l.jsonl";
  int zeros = 0;
  int lines = 0;
  io::read_jsonl(golden, [&](const io::Json& line, std::int64_t number) {
    const double wanted = line["f1"].get<double>();
    EXPECT_NEAR(rouge_l(line["candidate"].get<std::string>(), line["reference"].get<std::string>()), wanted,
                1e-12)
        << "line " << number;
    zeros += wanted == 0.0 ? 1 : 0;
    ++lines;
  });
  EXPECT_EQ(lines, 67);
  EXPECT_LT(zeros, 20);
}

TEST(RougeL, order_counts_and_what_is_said_too_much_costs) {
  EXPECT_DOUBLE_EQ(rouge_l("a b c d", "a x c d"), 0.75);
  EXPECT_DOUBLE_EQ(rouge_l("b a", "a b"), 0.5);
  EXPECT_DOUBLE_EQ(rouge_l("a b a b", "a b"), 2.0 / 3.0);
}

}  // namespace
}  // namespace routedk::text
