// The annotation teacher on the published training sessions.
#include "routedk/bundle/baselines.h"
#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"
#include "routedk/distill/annotation_teacher.h"
#include "routedk/distill/report.h"

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <string>

#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using bundle::KnowledgeKind;

struct Distilled {
  bundle::Split split;
  bundle::KnowledgeStore knowledge;
};

Distilled distil(const std::string& domain, Mentions mentions) {
  const auto data = bundle::load_dataset({std::getenv("ROUTEDK_DATA_DIR"), domain, bundle::Untitled::kDrop});
  Distilled result{bundle::split_sessions(data.sessions, {}), {}};
  const auto proposals =
      bundle::predict_baseline("similar_groups", result.split.train, bundle::TfIdf(data.titles));
  AnnotationTeacher teacher(result.split.train, proposals, {.mentions = mentions});
  for (const bundle::Session& session : result.split.train) {
    result.knowledge.put(teacher.teach(session, KnowledgeKind::kRules));
    result.knowledge.put(teacher.teach(session, KnowledgeKind::kThought));
  }
  return result;
}

class PublishedKnowledge : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::getenv("ROUTEDK_DATA_DIR") == nullptr) {
      GTEST_SKIP() << "ROUTEDK_DATA_DIR names no folder of the published data";
    }
  }
};

TEST_P(PublishedKnowledge, every_training_session_gets_short_texts_without_numbers) {
  const Distilled distilled = distil(GetParam(), Mentions::kDescriptions);
  const std::regex number("product ?[0-9]");
  EXPECT_EQ(distilled.knowledge.size(), 2 * distilled.split.train.size());
  for (const bundle::Session& session : distilled.split.train) {
    for (const KnowledgeKind kind : {KnowledgeKind::kRules, KnowledgeKind::kThought}) {
      const std::string& text = distilled.knowledge.text(session.id, kind);
      EXPECT_FALSE(text.empty());
      EXPECT_LT(text.size(), 800U) << text;
      EXPECT_FALSE(std::regex_search(text, number)) << text;
    }
  }
}

TEST_P(PublishedKnowledge, numbers_give_all_gold_away_and_general_rules_little) {
  const Distilled numbers = distil(GetParam(), Mentions::kNumbers);
  const auto share = [&](KnowledgeKind kind) {
    return to_json(knowledge_share(numbers.split.train, numbers.knowledge, kind))
        .at("bundles_read_off")
        .get<double>();
  };
  EXPECT_EQ(share(KnowledgeKind::kThought), 1.0);
  EXPECT_LT(share(KnowledgeKind::kRules), 0.1);
}

INSTANTIATE_TEST_SUITE_P(Domains, PublishedKnowledge, ::testing::Values("electronic", "clothing", "food"),
                         [](const auto& domain) { return std::string(domain.param); });

}  // namespace
}  // namespace routedk::distill
