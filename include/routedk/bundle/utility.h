/// The value of an answer, given the gold bundles.
#pragma once

#include "routedk/bundle/metrics.h"
#include "routedk/core/named_enum.h"

#include <cstdint>

namespace routedk::bundle {

enum class Utility : std::uint8_t {
  kF1,         ///< Metric::kF1
  kJaccardF1,  ///< Metric::kJaccardF1
  kMean,       ///< the mean of the two
};

constexpr auto enum_names(Utility /*of*/) {
  return std::to_array<EnumName<Utility>>(
      {{Utility::kF1, "f1"}, {Utility::kJaccardF1, "jaccard_f1"}, {Utility::kMean, "mean"}});
}

/// From 0 to 1, of one session as scored by `score_session`.
double utility(Utility kind, const SessionScore& score);

}  // namespace routedk::bundle
