#include "routedk/bundle/predictions.h"

#include "routedk/core/error.h"

#include <fstream>

#include "bundle/domain_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using ::testing::HasSubstr;

class Predictions : public ::testing::Test {
 protected:
  Predictions() : sessions_(2) {
    sessions_[0].id = 8;
    sessions_[1].id = 5;
  }

  std::vector<Prediction> read(const std::string& lines) {
    const auto path = folder_.dir() / "predictions.jsonl";
    std::ofstream(path) << lines;
    return read_predictions(path, sessions_);
  }

  std::string refusal(const std::string& lines) {
    try {
      read(lines);
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  }

  DomainFolder folder_;
  std::vector<Session> sessions_;
};

TEST_F(Predictions, come_in_the_order_of_the_sessions_with_null_as_unparsed) {
  const auto predictions =
      read("{\"session\": 5, \"bundles\": null}\n\n{\"bundles\": [[1, 2], []], \"session\": 8, \"x\": 1}\n");
  ASSERT_EQ(predictions.size(), 2U);
  EXPECT_EQ(predictions[0], (Answer{{1, 2}, {}}));
  EXPECT_EQ(predictions[1], std::nullopt);
}

TEST_F(Predictions, ids_may_be_texts_that_spell_integers_in_a_file_as_windows_writes_it) {
  const auto predictions = read(
      "\xEF\xBB\xBF{\"session\": \"5\", \"bundles\": [[\"1\", 2]]}\r\n"
      "{\"session\": 8, \"bundles\": [[\"-3\", \"4\"]]}\r\n");
  EXPECT_EQ(predictions[0], (Answer{{-3, 4}}));
  EXPECT_EQ(predictions[1], (Answer{{1, 2}}));
}

TEST_F(Predictions, an_empty_list_is_an_answer_that_parsed) {
  EXPECT_EQ(read("{\"session\":5,\"bundles\":[]}\n{\"session\":8,\"bundles\":[]}\n")[1], Answer());
}

TEST_F(Predictions, mistakes_are_refused_with_file_and_line) {
  const std::string good = "{\"session\": 8, \"bundles\": []}\n";
  for (const char* line :
       {"[1]", "{\"session\": 5}", "{\"bundles\": []}", "{\"session\": \"5x\", \"bundles\": []}",
        "{\"session\": \"\", \"bundles\": []}", "{\"session\": 5.0, \"bundles\": []}",
        "{\"session\": 5, \"bundles\": 3}", "{\"session\": 5, \"bundles\": {}}",
        "{\"session\": 5, \"bundles\": [1, 2]}", "{\"session\": 5, \"bundles\": [[\"1.5\"]]}",
        "{\"session\": 5, \"bundles\": [[9223372036854775808]]}", "{\"session\": 5, \"bundles\": [[true]]}",
        "{\"session\": 6, \"bundles\": []}", "{\"session\": 8, \"bundles\": []}", "{\"session\": 5, "}) {
    EXPECT_THAT(refusal(good + line + "\n"), HasSubstr("predictions.jsonl:2")) << line;
  }
}

TEST_F(Predictions, a_session_without_a_line_is_refused_by_name) {
  EXPECT_THAT(refusal("{\"session\": 8, \"bundles\": []}\n"), HasSubstr("session 5 is missing"));
}

TEST(EvaluationJson, has_every_metric_and_its_interval_by_name) {
  Evaluation evaluation;
  for (std::size_t m = 0; m < kMetrics; ++m) {
    evaluation.values[m] = static_cast<double>(m);
    evaluation.intervals[m] = {static_cast<double>(m) - 1, static_cast<double>(m) + 1};
  }
  const io::Json json = to_json(evaluation);
  EXPECT_EQ(json.size(), kMetrics + 1);
  EXPECT_EQ(json.at("coverage"), 2.0);
  EXPECT_EQ(json.at("jaccard_f1"), 12.0);
  EXPECT_EQ(json.at("intervals").at("jaccard_f1"), (io::Json{11.0, 13.0}));
}

}  // namespace
}  // namespace routedk::bundle
