#include "routedk/bundle/utility.h"

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

TEST(Utility, it_is_the_session_s_f1_or_jaccard_f1_or_half_of_both) {
  Session session;
  session.gold = {{{1, 2, 3}, ""}, {{4, 5}, ""}};
  // Precision and distinct recall 1/2 each; best Jaccards 2/3 and 0 of the answer's, 2/3 and 0 of gold's
  // bundles.
  const SessionScore score = score_session(session, Answer{{1, 2}, {6, 7}});
  EXPECT_DOUBLE_EQ(utility(Utility::kF1, score), 0.5);
  EXPECT_DOUBLE_EQ(utility(Utility::kJaccardF1, score), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(utility(Utility::kMean, score), 5.0 / 12.0);
}

TEST(Utility, no_answer_is_worth_nothing) {
  Session session;
  session.gold = {{{1, 2}, ""}};
  for (const Utility kind : {Utility::kF1, Utility::kJaccardF1, Utility::kMean}) {
    EXPECT_EQ(utility(kind, score_session(session, std::nullopt)), 0.0) << name_of(kind);
    EXPECT_EQ(utility(kind, score_session(session, Answer())), 0.0) << name_of(kind);
  }
}

}  // namespace
}  // namespace routedk::bundle
