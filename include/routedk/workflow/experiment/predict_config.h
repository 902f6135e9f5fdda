/// The `predict:` section: how `routedk-predict` chooses, if not as in `decode:`.
#pragma once

#include "routedk/eval/selection.h"

#include <optional>

namespace routedk::workflow {

struct PredictConfig {
  std::optional<eval::SelectRule> select;
  std::optional<bundle::Utility> utility;
  std::optional<eval::Expectation> expectation;

  template <typename F>
  void fields(F& f) {
    f("select", select, "how an answer is chosen (not verifier); null: decode.select");
    f("utility", utility, "as decode.utility; null: decode.utility itself");
    f("expectation", expectation, "as decode.expectation; null: decode.expectation itself");
  }
};

}  // namespace routedk::workflow
