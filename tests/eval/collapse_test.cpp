#include "routedk/eval/collapse.h"

#include "routedk/bundle/answer.h"

#include <map>

#include "support/real_model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::eval {
namespace {

using bundle::Answer;
using bundle::Prediction;
using bundle::Session;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Items 10, 11 and so on; the first two are gold.
Session session_of(std::size_t items, bundle::SessionId id = 1) {
  Session made;
  made.id = id;
  for (std::size_t i = 0; i < items; ++i) {
    made.items.push_back({static_cast<bundle::ItemId>(10 + i), "thing", ""});
  }
  made.gold = {{{10, 11}, ""}};
  return made;
}

Answer everything(const Session& session) {
  Answer answer(1);
  for (const bundle::Item& item : session.items) {
    answer.front().push_back(item.id);
  }
  return answer;
}

/// Sessions of 3 to 5 items and an answer to each by its number.
template <typename AnswerOf>
AnswerPatterns patterns_in(std::size_t count, const AnswerOf& answer_of) {
  std::vector<Session> sessions;
  std::vector<Prediction> answers;
  for (std::size_t i = 0; i < count; ++i) {
    sessions.push_back(session_of(3 + i % 3));
    answers.push_back(answer_of(i, sessions.back()));
  }
  return answer_patterns(sessions, answers);
}

TEST(Collapse, a_pattern_is_by_product_numbers_in_any_order_and_everything_is_one_pattern) {
  const Session four = session_of(4);
  EXPECT_EQ(answer_pattern(four, Answer{{13, 12}, {11, 10}}),
            answer_pattern(four, Answer{{10, 11}, {12, 13}}));
  EXPECT_NE(answer_pattern(four, Answer{{10, 11}}), answer_pattern(four, Answer{{10, 12}}));
  EXPECT_EQ(answer_pattern(four, everything(four)), answer_pattern(session_of(7), everything(session_of(7))));
  EXPECT_EQ(answer_pattern(four, Answer{{10, 99}}), "[0, 1]") << "an item that the session does not hold";
  EXPECT_EQ(answer_pattern(four, std::nullopt), "unparsed");
  EXPECT_EQ(answer_pattern(four, Answer()), "no bundle");
}

TEST(Collapse, sessions_of_two_items_say_nothing) {
  const std::vector<Session> sessions(20, session_of(2));
  const std::vector<Prediction> answers(20, Prediction(everything(sessions.front())));
  EXPECT_EQ(answer_patterns(sessions, answers).sessions, 0U);
  EXPECT_THAT(collapse_signs(answer_patterns(sessions, answers), 0.0, {0.0, 0.1}, 0.5), IsEmpty());
}

/// Under an f1 well above the random model's.
std::vector<std::string> signs_of(const AnswerPatterns& patterns) {
  return collapse_signs(patterns, 0.5, {0.4, 0.6}, 0.2);
}

TEST(Collapse, a_share_above_its_threshold_is_a_sign_and_one_at_it_is_none) {
  const auto whole_but = [](std::size_t others) {
    return patterns_in(20, [=](std::size_t i, const Session& session) {
      return i < others ? Answer{{10, 11}, {10, session.items.back().id}} : everything(session);
    });
  };
  EXPECT_DOUBLE_EQ(whole_but(4).whole, kMostWhole);
  EXPECT_THAT(signs_of(whole_but(4)), IsEmpty());
  EXPECT_THAT(signs_of(whole_but(3)),
              ElementsAre("answers 85 % of 20 sessions with one bundle of everything"));
  const auto alike_but = [](std::size_t others) {
    return patterns_in(20, [=](std::size_t i, const Session&) {
      return i < others ? Answer{{11, 12}} : Answer{{10, 12}};
    });
  };
  EXPECT_DOUBLE_EQ(alike_but(2).alike, kMostAlike);
  EXPECT_THAT(signs_of(alike_but(2)), IsEmpty());
  EXPECT_THAT(signs_of(alike_but(1)), ElementsAre("gives 95 % of 20 sessions the same answer: [1, 3]"));
}

TEST(Collapse, a_handful_of_texts_alike_is_a_sign_and_three_or_mixed_ones_are_none) {
  const auto signs = [](const std::vector<std::string>& texts) { return collapse_signs(patterns_of(texts)); };
  EXPECT_THAT(signs({"a", "a", "a", "a"}), ElementsAre("gives 100 % of 4 sessions the same answer: a"));
  EXPECT_THAT(signs({"a", "a", "a"}), IsEmpty());
  EXPECT_THAT(signs({"a", "a", "a", "b"}), IsEmpty());
  EXPECT_THAT(signs({}), IsEmpty());
}

TEST(Collapse, an_interval_below_the_random_model_is_a_sign_but_not_in_a_handful_of_sessions) {
  const auto varied = [](std::size_t i, const Session& session) {
    return i % 2 == 0 ? Answer{{10, 11}} : Answer{{11, session.items.back().id}};
  };
  const AnswerPatterns enough = patterns_in(kFewestSessions, varied);
  EXPECT_THAT(collapse_signs(enough, 0.1, {0.05, 0.2}, 0.2), IsEmpty()) << "it may be as good";
  EXPECT_THAT(collapse_signs(enough, 0.1, {0.05, 0.15}, 0.2),
              ElementsAre(AllOf(HasSubstr("0.100 (0.050 to 0.150)"), HasSubstr("0.200"))));
  EXPECT_THAT(collapse_signs(patterns_in(kFewestSessions - 1, varied), 0.1, {0.05, 0.15}, 0.2), IsEmpty());
}

class RandomModel : public testing::RealModel {};

/// Expected metrics of a walk from `state`, each edge as likely, by going through all walks.
double expected_f1(const Session& session, const bundle::SessionEncoder& encoder,
                   text::TokenAutomaton& automaton, text::TokenAutomaton::State state,
                   std::vector<text::TokenId>& ids) {
  const auto view = automaton.edges(state);
  const std::vector<text::TokenAutomaton::Edge> edges(view.begin(), view.end());
  if (edges.empty()) {
    const std::vector<text::TokenId> written(ids.begin(), ids.end() - 1);  // without the end of the turn
    const auto answer = bundle::parse_answer(encoder.tokenizer().decode(written, true),
                                             static_cast<int>(session.items.size()));
    return bundle::score_session(session, bundle::to_items(session, answer.value()))
        .numerator[bundle::Metric::kF1];
  }
  double mean = 0.0;
  for (const auto& edge : edges) {
    ids.push_back(edge.token);
    mean += expected_f1(session, encoder, automaton, edge.next, ids) / static_cast<double>(edges.size());
    ids.pop_back();
  }
  return mean;
}

TEST_F(RandomModel, its_mean_is_that_of_all_walks_through_the_automaton_and_its_draws_are_keyed) {
  const auto encoder = bundle::SessionEncoder::load(testing::real_model_path());
  std::vector<Session> sessions;
  for (bundle::SessionId id = 0; id < 100; ++id) {
    sessions.push_back(session_of(3, id));
  }
  const bundle::Runs runs = random_model(sessions, encoder, 7);
  ASSERT_EQ(runs.size(), static_cast<std::size_t>(kRandomDraws));
  const bundle::Evaluation found = bundle::evaluate(runs, {1, 10});
  text::TokenAutomaton& automaton = *encoder.answer_automaton(3);
  std::vector<text::TokenId> ids;
  // 6,400 draws of a figure in [0, 1]: their mean has a standard deviation of at most 0.0063.
  EXPECT_NEAR(found.values[bundle::Metric::kF1],
              expected_f1(sessions.front(), encoder, automaton, automaton.start(), ids), 0.025);
  EXPECT_DOUBLE_EQ(found.values[bundle::Metric::kParseRate], 1.0);
  const bundle::Runs few = random_model(std::span(sessions).subspan(40, 2), encoder, 7);
  for (std::size_t run = 0; run < few.size(); ++run) {
    EXPECT_EQ(few[run][0].numerator, runs[run][40].numerator) << "whatever sessions are beside it";
  }
}

TEST_F(RandomModel, a_session_of_one_item_gets_the_empty_answer) {
  const auto encoder = bundle::SessionEncoder::load(testing::real_model_path());
  const std::vector<Session> sessions{session_of(1)};
  EXPECT_EQ(bundle::evaluate(random_model(sessions, encoder, 1), {1, 10})
                .values[bundle::Metric::kBundlesPerSession],
            0.0);
}

}  // namespace
}  // namespace routedk::eval
