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
  const auto count = static_cast<std::int64_t>(answer.candidates.size());
  at::Tensor features = at::zeros({count, hidden + static_cast<std::int64_t>(kFigures.size())}, at::kDouble);
  for (std::int64_t i = 0; i < count; ++i) {
    auto* row = features[i].data_ptr<double>();
    const auto place = static_cast<std::size_t>(i);
    const std::vector<float>& pooled = answer.pooled.at(place);
    if (!pooled.empty() && static_cast<std::int64_t>(pooled.size()) != hidden) {
      throw_<DataError>("a pooled state must be {} wide, but one of session {} is {}", hidden, session.id,
                        pooled.size());
    }
    std::copy(pooled.begin(), pooled.end(), row);
    const auto own = figures(session, answer, place);
    std::copy(own.begin(), own.end(), row + hidden);
  }
  return features;
}

}  // namespace routedk::eval
