#include "routedk/eval/session_traits.h"

#include "routedk/eval/router_stats.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace routedk::eval {
namespace {

/// Ranks from 1 for the smallest; equal values share their mean rank.
std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) {
      ++end;
    }
    for (std::size_t i = begin; i < end; ++i) {
      ranks[order[i]] = static_cast<double>(begin + end + 1) / 2.0;
    }
    begin = end;
  }
  return ranks;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

SessionTraits traits_of(const bundle::Session& session, const bundle::TfIdf& titles) {
  double similarity = 0.0;
  double pairs = 0.0;
  for (auto a = session.items.begin(); a != session.items.end(); ++a) {
    for (auto b = a + 1; b != session.items.end(); ++b) {
      similarity += titles.similarity(a->id, b->id);
      pairs += 1.0;
    }
  }
  return {static_cast<double>(session.items.size()), pairs > 0.0 ? similarity / pairs : 0.0,
          static_cast<double>(session.gold.size())};
}

std::vector<SessionTraits> traits_of(std::span<const bundle::Session> sessions, const bundle::TfIdf& titles) {
  std::vector<SessionTraits> traits(sessions.size());
  std::transform(sessions.begin(), sessions.end(), traits.begin(),
                 [&](const bundle::Session& session) { return traits_of(session, titles); });
  return traits;
}

double rank_correlation(std::span<const double> a, std::span<const double> b) {
  if (a.empty()) {
    return 0.0;
  }
  const std::vector<double> x = ranks_of(a);
  const std::vector<double> y = ranks_of(b);
  const double middle = mean_of(x);  // the same for y
  double xy = 0.0;
  double xx = 0.0;
  double yy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - middle) * (y[i] - middle);
    xx += (x[i] - middle) * (x[i] - middle);
    yy += (y[i] - middle) * (y[i] - middle);
  }
  return xx > 0.0 && yy > 0.0 ? xy / std::sqrt(xx * yy) : 0.0;
}

std::vector<std::vector<double>> alpha_with_traits(std::span<const SessionAnswer> answers,
                                                   std::span<const SessionTraits> traits) {
  std::vector<std::vector<double>> weights;                         // [K][sessions]
  std::array<std::vector<double>, kTraitNames.size()> of_sessions;  // [traits][sessions]
  for (std::size_t s = 0; s < answers.size(); ++s) {
    if (answers[s].alpha.empty()) {
      continue;
    }
    const at::Tensor mean = alpha_tensor(answers[s]).mean(0);  // [K]
    weights.resize(static_cast<std::size_t>(mean.size(0)));
    for (std::size_t k = 0; k < weights.size(); ++k) {
      weights[k].push_back(mean[static_cast<std::int64_t>(k)].item<double>());
    }
    for (std::size_t t = 0; t < of_sessions.size(); ++t) {
      of_sessions[t].push_back(traits[s][t]);
    }
  }
  std::vector<std::vector<double>> correlations;
  for (const std::vector<double>& trait : of_sessions) {
    auto& row = correlations.emplace_back();
    std::transform(weights.begin(), weights.end(), std::back_inserter(row),
                   [&](const auto& weight) { return rank_correlation(weight, trait); });
  }
  return correlations;
}

double alpha_entropy(const SessionAnswer& answer) {
  return answer.alpha.empty() ? 0.0 : experts::entropy_of(alpha_tensor(answer)).mean().item<double>();
}

}  // namespace routedk::eval
