/// The `prompt:` section: what prompts show besides titles, and how long they get.
#pragma once

#include "routedk/bundle/item_relations.h"
#include "routedk/bundle/worked_examples.h"
#include "routedk/core/config_rules.h"

#include <cstdint>
#include <vector>

namespace routedk::workflow {

struct PromptConfig {
  std::vector<bundle::Relation> relations;
  std::int64_t relation_pairs = 5;
  double min_similarity = 0.1;
  std::int64_t max_tokens = 2048;
  std::int64_t examples = 0;
  bundle::ExampleChoice choose_examples = bundle::ExampleChoice::kSpread;

  template <typename F>
  void fields(F& f) {
    f("relations", relations,
      "how items relate, shown where a template says {{relations}}; empty: not at all");
    f("relation_pairs", relation_pairs, "at most so many pairs of each relation", between(1, 45));
    f("min_similarity", min_similarity, "less similar titles are no pair", between(0, 1));
    f("max_tokens", max_tokens,
      "longest prompt to train on: rules, then the thought lose their last statements; titles never are cut",
      at_least(1));
    f("examples", examples, "training sessions with their answers that raw prompts show first",
      between(0, 64));
    f("choose_examples", choose_examples,
      "evenly spread over the training sessions, or most similar in titles");
  }
};

}  // namespace routedk::workflow
