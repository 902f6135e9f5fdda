/// The features of a candidate for a verifier.
#pragma once

#include "routedk/eval/answers.h"

#include <array>

#include <ATen/ATen.h>

namespace routedk::eval {

inline constexpr std::array<const char*, 5> kFigures = {"mean_logprob", "mean_constrained_logprob", "tokens",
                                                        "bundles", "share_of_items"};

/// [N, hidden + figures] F64: the pooled states (zero for an answer of no tokens), then kFigures. DataError
/// if a pooled state is not `hidden` wide.
at::Tensor candidate_features(const bundle::Session& session, const SessionAnswer& answer,
                              std::int64_t hidden);

}  // namespace routedk::eval
