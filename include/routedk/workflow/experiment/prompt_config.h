/// The `prompt:` section: what prompts show besides titles, and their maximum length.
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
      "relations between items, shown where a template has {{relations}}; empty: none");
    f("relation_pairs", relation_pairs, "show at most this many pairs of each relation", between(1, 45));
    f("min_similarity", min_similarity, "pairs of titles below this similarity are not shown", between(0, 1));
    f("max_tokens", max_tokens,
      "longest training prompt: the last rules are cut first, then the thought; titles never", at_least(1));
    f("examples", examples, "number of training sessions with answers that raw prompts show first",
      between(0, 64));
    f("choose_examples", choose_examples,
      "which training sessions: evenly spread, or most similar in titles");
  }
};

}  // namespace routedk::workflow
