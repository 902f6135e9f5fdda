/// The `eval:` section: what is measured.
#pragma once

#include "routedk/bundle/split.h"
#include "routedk/core/config_rules.h"
#include "routedk/eval/selection.h"
#include "routedk/experts/gate_spec.h"

#include <cstdint>
#include <string>
#include <vector>

namespace routedk::workflow {

struct EvalConfig {
  bundle::SplitPart split = bundle::SplitPart::kTest;
  std::vector<std::string> systems = {"backbone", "base", "high_level", "fine_grained", "average", "dynamic"};
  std::vector<eval::SelectRule> select;
  std::vector<bundle::Utility> utility;
  std::vector<eval::Expectation> expectation;
  std::vector<std::int64_t> samples;
  std::int64_t verifier_sessions = 240;
  std::int64_t limit = 0;
  std::int64_t resamples = 10000;

  template <typename F>
  void fields(F& f) {
    f("split", split, "which sessions");
    f("systems", systems, "an expert's name, " + experts::gate_forms() + "; the baselines are always shown");
    f("select", select, "ways to choose among the same candidates, side by side; empty: decode.select");
    f("utility", utility, "of select: expected_utility, side by side; empty: decode.utility");
    f("expectation", expectation, "of select: expected_utility, side by side; empty: decode.expectation");
    f("samples", samples, "the first so many candidates, side by side; empty: decode.samples",
      between(1, 1024));
    f("verifier_sessions", verifier_sessions,
      "training sessions a verifier learns from, evenly spread; 0: all", at_least(0));
    f("limit", limit, "evaluate this many sessions, evenly spread over the split; 0: all", at_least(0));
    f("resamples", resamples, "of the bootstrap", between(1, 1000000));
  }
};

}  // namespace routedk::workflow
