/// The `watch:` section: what validations show beside the loss.
#pragma once

#include "routedk/core/config_rules.h"

#include <cstdint>

namespace routedk::workflow {

struct WatchConfig {
  std::int64_t answers = 4;

  template <typename F>
  void fields(F& f) {
    f("answers", answers, "answer this many validation prompts greedily at each validation; 0: none",
      at_least(0));
  }
};

}  // namespace routedk::workflow
