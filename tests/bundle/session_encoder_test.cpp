#include "routedk/bundle/session_encoder.h"

#include "routedk/core/error.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

TEST(SessionEncoder, makes_one_automaton_for_each_length_and_shares_it_with_its_copies) {
  const auto model =
      std::filesystem::path(ROUTEDK_SOURCE_DIR) / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(model)) {
    GTEST_SKIP() << "no " << model << ": scripts/setup fetches it";
  }
  const SessionEncoder encoder = SessionEncoder::load(model);
  text::TokenAutomaton* const of_five = encoder.answer_automaton(5);
  const SessionEncoder copy = encoder;
  EXPECT_EQ(copy.answer_automaton(5), of_five);
  EXPECT_NE(copy.answer_automaton(4), of_five);
  EXPECT_EQ(encoder.answer_automaton(4), copy.answer_automaton(4));
  EXPECT_THROW(encoder.answer_automaton(11), ConfigError);
  EXPECT_THROW(encoder.answer_automaton(11), ConfigError);
  EXPECT_EQ(encoder.answer_automaton(5), of_five);
}

}  // namespace
}  // namespace routedk::bundle
