#include "candidate_features.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <set>

namespace routedk::eval {
namespace {

/// kFigures of one candidate.
std::array<double, kFigures.size()> figures(const bundle::Session& session, const SessionAnswer& answer,
                                            std::size_t i) {
  const auto tokens = static_cast<double>(std::max<std::int64_t>(answer.tokens[i], 1));
  const bundle::Answer bundles = answer.candidates[i].value_or(bundle::Answer{});
  std::set<bundle::ItemId> items;
  for (const bundle::Bundle& own : bundles) {
    items.insert(own.begin(), own.end());
  }
  return {answer.logprobs[i] / tokens, answer.constrained_logprobs[i] / tokens, tokens,
          static_cast<double>(bundles.size()),
          static_cast<double>(items.size()) /
              static_cast<double>(std::max<std::size_t>(session.items.size(), 1))};
}

}  // namespace

at::Tensor candidate_features(const bundle::Session& session, const SessionAnswer& answer,
                              std::int64_t hidden) {
  const auto width = static_cast<std::size_t>(hidden);
  std::vector<double> features;
  for (std::size_t i = 0; i < answer.candidates.size(); ++i) {
    const std::vector<float>& pooled = answer.pooled.at(i);
    if (!pooled.empty() && pooled.size() != width) {
      throw_<DataError>("a pooled state must be {} wide, but one of session {} is {}", hidden, session.id,
                        pooled.size());
    }
    features.insert(features.end(), pooled.begin(), pooled.end());
    features.resize(i * (width + kFigures.size()) + width);  // zeros if nothing was pooled
    const auto own = figures(session, answer, i);
    features.insert(features.end(), own.begin(), own.end());
  }
  return at::tensor(features, at::kDouble)
      .view({static_cast<std::int64_t>(answer.candidates.size()),
             hidden + static_cast<std::int64_t>(kFigures.size())});
}

}  // namespace routedk::eval
