/// The `thoughts:` and `knowledge:` sections: what the teacher writes and how experts receive it.
#pragma once

#include "routedk/bundle/expert_input.h"
#include "routedk/core/config_rules.h"
#include "routedk/distill/annotation_teacher.h"

#include <cstdint>

namespace routedk::workflow {

struct ThoughtConfig {
  distill::Mentions mentions = distill::Mentions::kDescriptions;

  template <typename F>
  void fields(F& f) {
    f("mentions", mentions, "how a thought refers to products; numbers let the expert copy the answer");
  }
};

struct KnowledgeConfig {
  bundle::KnowledgePlacement placement = bundle::KnowledgePlacement::kInput;
  bundle::RuleSource rules = bundle::RuleSource::kSession;
  std::int64_t domain_rules = 20;

  template <typename F>
  void fields(F& f) {
    f("placement", placement,
      "input: the expert reads it before it answers; auxiliary: it learns to write it as a second task");
    f("rules", rules, "which rules: of the session's record, of the domain (domain_rules.txt), or both");
    f("domain_rules", domain_rules, "use this many of the domain's rules, those taught by most sessions",
      at_least(1));
  }
};

}  // namespace routedk::workflow
