/// The `eval:` section: what is measured.
#pragma once

#include "routedk/bundle/split.h"
#include "routedk/core/config_rules.h"
#include "routedk/eval/selection.h"
#include "routedk/experts/gate_spec.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace routedk::workflow {

/// For EvalConfig::systems: the path in router:PATH and predictions:PATH.
struct SystemPath {
  static bool holds(const std::string& /*system*/) noexcept { return true; }
  static std::string words() { return {}; }
  static std::string seen_from(const std::filesystem::path& folder, const std::string& system);
};

struct EvalConfig {
  std::string name;
  bundle::SplitPart split = bundle::SplitPart::kTest;
  std::vector<std::string> systems;
  std::vector<eval::SelectRule> select;
  std::vector<bundle::Utility> utility;
  std::vector<eval::Expectation> expectation;
  std::vector<std::int64_t> samples;
  std::int64_t verifier_sessions = 240;
  std::int64_t limit = 0;
  std::int64_t resamples = 10000;

  template <typename F>
  void fields(F& f) {
    f("name", name, "name of the evaluation: its files are in RUN/evaluations/NAME; empty: in RUN itself");
    f("split", split, "which part of the sessions");
    f("systems", systems,
      "an expert's name, " + experts::gate_forms() +
          "; baselines are always shown; empty: backbone, each expert and, if there are several, average and "
          "the router",
      SystemPath());
    f("select", select, "rules that choose among the same candidates; empty: decode.select");
    f("utility", utility, "utilities of select: expected_utility; empty: decode.utility");
    f("expectation", expectation, "expectations of select: expected_utility; empty: decode.expectation");
    f("samples", samples,
      "numbers of candidates to choose among, the first ones each time; empty: decode.samples",
      between(1, 1024));
    f("verifier_sessions", verifier_sessions,
      "training sessions a verifier learns from, evenly spread; 0: all", at_least(0));
    f("limit", limit, "evaluate this many sessions, evenly spread over the split; 0: all", at_least(0));
    f("resamples", resamples, "bootstrap resamples", between(1, 1000000));
  }
};

}  // namespace routedk::workflow
