/// The `watch:` section: what training reports besides the loss.
#pragma once

#include "routedk/core/config_rules.h"

#include <cstdint>

namespace routedk::workflow {

struct WatchConfig {
  std::int64_t answers = 4;
  std::int64_t conflict = 0;
  bool probe = false;

  template <typename F>
  void fields(F& f) {
    f("answers", answers, "answer this many validation prompts greedily at each validation; 0: none",
      at_least(0));
    f("conflict", conflict,
      "training sessions on which an expert's gradients under each kind of knowledge are compared; 0: none",
      at_least(0));
    f("probe", probe,
      "measure how much of a session's traits a linear router could read in its input, by layer");
  }
};

}  // namespace routedk::workflow
