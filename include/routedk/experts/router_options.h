/// The kind of trainable gate, and how its logits become weights.
#pragma once

#include "routedk/core/named_enum.h"

#include <cstdint>

namespace routedk::experts {

enum class RouterKind {
  kDynamic,  ///< weights from the input
  kStatic,   ///< no W: the same weights for every input
};
constexpr auto enum_names(RouterKind /*of*/) {
  return std::to_array<EnumName<RouterKind>>(
      {{RouterKind::kDynamic, "dynamic"}, {RouterKind::kStatic, "static"}});
}

enum class Granularity {
  kLayer,   ///< weights for each layer
  kGlobal,  ///< one set for all layers, from the pooled embeddings; W and b have one layer's shape
};
constexpr auto enum_names(Granularity /*of*/) {
  return std::to_array<EnumName<Granularity>>(
      {{Granularity::kLayer, "layer"}, {Granularity::kGlobal, "global"}});
}

enum class AlphaScale {
  kSoftmax,   ///< weights sum to 1
  kKSoftmax,  ///< times K: a uniform mixture is the plain sum of the deltas
};
constexpr auto enum_names(AlphaScale /*of*/) {
  return std::to_array<EnumName<AlphaScale>>(
      {{AlphaScale::kSoftmax, "softmax"}, {AlphaScale::kKSoftmax, "k_softmax"}});
}

enum class PoolNorm {
  kNone,
  kRms,  ///< each token's hidden state is divided by its root mean square, then pooled
};
constexpr auto enum_names(PoolNorm /*of*/) {
  return std::to_array<EnumName<PoolNorm>>({{PoolNorm::kNone, "none"}, {PoolNorm::kRms, "rms"}});
}

/// How logits W z + b become alpha; each default is the paper's.
struct RouterOptions {
  RouterKind kind = RouterKind::kDynamic;
  Granularity granularity = Granularity::kLayer;
  AlphaScale scale = AlphaScale::kSoftmax;
  double temperature = 1.0;  ///< logits are divided by it; positive
  std::int64_t top_k = 0;    ///< keep this many largest alphas, renormalised; 0: all
  double threshold = 0.0;    ///< then keep those of at least this share, and the largest, renormalised; 0:
                             ///< all
  PoolNorm pool_norm = PoolNorm::kNone;
  bool operator==(const RouterOptions&) const = default;

  bool is_static() const noexcept { return kind == RouterKind::kStatic; }
  bool is_global() const noexcept { return granularity == Granularity::kGlobal; }
};

}  // namespace routedk::experts
