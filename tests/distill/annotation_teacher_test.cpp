#include "routedk/distill/annotation_teacher.h"

#include "routedk/core/error.h"

#include <string>
#include <vector>

#include "distill/shop.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using bundle::KnowledgeKind;
using bundle::Prediction;
using bundle::Session;
using ::testing::HasSubstr;
using ::testing::Not;

std::string rules_for(const Session& session, const Prediction& proposal) {
  AnnotationTeacher teacher(std::vector{session}, std::vector{proposal}, {});
  return teacher.teach(session, KnowledgeKind::kRules).text;
}

TEST(AnnotationTeacher, a_thought_goes_from_titles_to_intents_to_composition) {
  EXPECT_EQ(annotated_thought(shop_session(), Mentions::kDescriptions),
            "The titles show desk lamp, green tea, linen shade, porcelain cup.\n"
            "One intent: desk lamp with linen shade.\n"
            "a hot drink: green tea with porcelain cup.");
}

TEST(AnnotationTeacher, numbers_are_mentioned_only_when_asked_for) {
  EXPECT_THAT(annotated_thought(shop_session(), Mentions::kDescriptions), Not(HasSubstr("product")));
  EXPECT_THAT(annotated_thought(shop_session(), Mentions::kNumbers),
              HasSubstr("One intent: product1 with product3.\na hot drink: product2 with product4."));
}

TEST(AnnotationTeacher, a_long_intent_keeps_twelve_words) {
  Session session = shop_session();
  session.gold[1].intent = "1 2 3 4 5 6 7 8 9 10 11 12, 13 14";
  EXPECT_THAT(annotated_thought(session, Mentions::kDescriptions),
              HasSubstr("\n1 2 3 4 5 6 7 8 9 10 11 12: "));
}

TEST(AnnotationTeacher, rules_name_what_the_heuristic_got_wrong) {
  EXPECT_EQ(rules_for(shop_session(), bundle::Answer{{10, 30, 20}}),
            "Keep Lamps apart from Teas even when their titles are alike.\n"
            "Teas and porcelain cup serve one intent.");
}

TEST(AnnotationTeacher, an_unparsed_proposal_misses_every_bundle) {
  EXPECT_EQ(rules_for(shop_session(), std::nullopt),
            "Lamps and Shades serve one intent.\nTeas and porcelain cup serve one intent.");
}

TEST(AnnotationTeacher, a_right_heuristic_is_confirmed_in_general_words) {
  EXPECT_EQ(rules_for(shop_session(), bundle::Answer{{10, 30}, {20, 40}}),
            "Products with like titles serve one intent.");
}

TEST(AnnotationTeacher, rules_of_the_domain_reach_sessions_they_apply_to) {
  const std::vector<Session> training{shop_session(1), shop_session(2), shop_session(3)};
  const bundle::Answer right{{10, 30}, {20, 40}};
  const bundle::Answer no_lamps{{20, 40}};
  AnnotationTeacher teacher(training, std::vector<Prediction>{no_lamps, no_lamps, right}, {});
  EXPECT_EQ(teacher.teach(training[2], KnowledgeKind::kRules).text, "Lamps and Shades serve one intent.");
  AnnotationTeacher less(training, std::vector<Prediction>{no_lamps, right, right}, {});
  EXPECT_EQ(less.teach(training[2], KnowledgeKind::kRules).text,
            "Products with like titles serve one intent.");
}

TEST(AnnotationTeacher, limits_cap_the_record_and_the_domain) {
  const std::vector<Session> training{shop_session(1), shop_session(2), shop_session(3)};
  const bundle::Answer right{{10, 30}, {20, 40}};
  const std::vector<Prediction> proposals{std::nullopt, std::nullopt, right};
  AnnotationOptions options;
  options.rules_per_session = 1;
  AnnotationTeacher one_rule(training, proposals, options);
  EXPECT_EQ(one_rule.teach(training[0], KnowledgeKind::kRules).text, "Lamps and Shades serve one intent.");
  options = {.domain_rules = 1};
  AnnotationTeacher one_domain_rule(training, proposals, options);
  EXPECT_EQ(one_domain_rule.domain_rules().size(), 1U);
  EXPECT_EQ(one_domain_rule.teach(training[2], KnowledgeKind::kRules).text,
            "Lamps and Shades serve one intent.");
  options.domain_rules = 0;
  EXPECT_THROW(AnnotationTeacher(training, proposals, options), ConfigError);
}

TEST(AnnotationTeacher, the_report_counts_discrepancies_and_support) {
  const std::vector<Session> training{shop_session(1), shop_session(2)};
  const AnnotationTeacher teacher(training,
                                  std::vector<Prediction>{std::nullopt, bundle::Answer{{10, 30, 20}}}, {});
  const io::Json report = teacher.report();
  EXPECT_EQ(report.at("discrepancies").at("missed_bundle"), 3);
  EXPECT_EQ(report.at("discrepancies").at("foreign_item"), 1);
  EXPECT_EQ(report.at("discrepancies").at("single_item"), 0);
  EXPECT_EQ(report.at("domain_rules").at(0).at("rule"), "Teas and porcelain cup serve one intent.");
  EXPECT_EQ(report.at("domain_rules").at(0).at("support"), 2);
}

TEST(AnnotationTeacher, its_card_changes_with_settings_and_with_what_it_learnt) {
  const std::vector<Session> training{shop_session()};
  const auto id = [&](const Prediction& proposal, const AnnotationOptions& options) {
    return AnnotationTeacher(training, std::vector{proposal}, options).card().parameters;
  };
  EXPECT_EQ(id(std::nullopt, {}), id(std::nullopt, {}));
  EXPECT_NE(id(std::nullopt, {}), id(std::nullopt, {.mentions = Mentions::kNumbers}));
  EXPECT_NE(id(std::nullopt, {}), id(std::nullopt, {.rules_per_session = 3}));
  EXPECT_NE(id(std::nullopt, {}), id(bundle::Answer{{10, 30}}, {}));
}

TEST(AnnotationTeacher, other_sessions_and_missing_proposals_are_refused) {
  AnnotationTeacher teacher(std::vector{shop_session(4)}, std::vector<Prediction>{std::nullopt}, {});
  EXPECT_THAT([&] { teacher.teach(shop_session(5), KnowledgeKind::kThought); },
              ::testing::ThrowsMessage<DataError>(HasSubstr("session 5")));
  EXPECT_THROW(teacher.teach(shop_session(4), KnowledgeKind::kAnswer), DataError);
  EXPECT_THROW(AnnotationTeacher(std::vector{shop_session()}, std::vector<Prediction>{}, {}), DataError);
  EXPECT_EQ(find_enum<Mentions>("numbers"), Mentions::kNumbers);
  EXPECT_EQ(find_enum<Mentions>("names"), std::nullopt);
}

}  // namespace
}  // namespace routedk::distill
