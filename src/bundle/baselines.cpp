#include "routedk/bundle/baselines.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <numeric>

#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

constexpr double kGroupSimilarity = 0.1;
constexpr int kRandomRuns = 20;

struct BaselineInput {
  const Session& session;  // at least 2 items
  const TfIdf& titles;
  Random random;

  ItemId id(std::size_t position) const { return session.items[position].id; }
  std::size_t size() const { return session.items.size(); }
};

struct SimilarPair {
  std::size_t a = 0;
  std::size_t b = 0;
  double similarity = 0.0;
};

/// All pairs, the most similar first, equals by position.
std::vector<SimilarPair> pairs_by_similarity(const BaselineInput& in) {
  std::vector<SimilarPair> pairs;
  for (std::size_t a = 0; a < in.size(); ++a) {
    for (std::size_t b = a + 1; b < in.size(); ++b) {
      pairs.push_back({a, b, in.titles.similarity(in.id(a), in.id(b))});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const SimilarPair& x, const SimilarPair& y) { return x.similarity > y.similarity; });
  return pairs;
}

Answer whole(const BaselineInput& in) {
  Bundle all;
  for (const Item& item : in.session.items) {
    all.push_back(item.id);
  }
  return {all};
}

Answer first_two(const BaselineInput& in) {
  return {{in.id(0), in.id(1)}};
}

Answer random_pairs(const BaselineInput& in) {
  Bundle items = whole(in).front();
  shuffle(items, in.random);
  Answer pairs;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    pairs.push_back({items[i], items[i + 1]});
  }
  return pairs;
}

Answer similar_pair(const BaselineInput& in) {
  const SimilarPair best = pairs_by_similarity(in).front();
  return {{in.id(best.a), in.id(best.b)}};
}

Answer similar_pairs(const BaselineInput& in) {
  std::vector<bool> taken(in.size(), false);
  Answer answer;
  for (const SimilarPair& pair : pairs_by_similarity(in)) {
    if (!taken[pair.a] && !taken[pair.b]) {
      taken[pair.a] = taken[pair.b] = true;
      answer.push_back({in.id(pair.a), in.id(pair.b)});
    }
  }
  return answer;
}

Answer similar_groups(const BaselineInput& in) {
  std::vector<std::size_t> group(in.size());
  std::iota(group.begin(), group.end(), std::size_t{0});
  for (const SimilarPair& pair : pairs_by_similarity(in)) {
    if (pair.similarity > kGroupSimilarity) {
      const auto [kept, joined] = std::minmax({group[pair.a], group[pair.b]});
      std::replace(group.begin(), group.end(), joined, kept);
    }
  }
  Answer bundles(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    bundles[group[i]].push_back(in.id(i));
  }
  std::erase_if(bundles, [](const Bundle& bundle) { return bundle.size() < 2; });
  return bundles;
}

using Predictor = Answer (*)(const BaselineInput&);
constexpr std::array<Predictor, kBaselineNames.size()> kPredictors = {
    whole, first_two, random_pairs, similar_pair, similar_pairs, similar_groups};

Predictor find_predictor(std::string_view name) {
  const auto found = std::find(kBaselineNames.begin(), kBaselineNames.end(), name);
  if (found == kBaselineNames.end()) {
    throw_<ConfigError>("A baseline must be one of [{}], but is `{}` instead.",
                        fmt::join(kBaselineNames, ", "), name);
  }
  return kPredictors[static_cast<std::size_t>(found - kBaselineNames.begin())];
}

}  // namespace

int baseline_runs(std::string_view name) {
  return name == "random_pairs" ? kRandomRuns : 1;
}

std::vector<Prediction> predict_baseline(std::string_view name, std::span<const Session> sessions,
                                         const TfIdf& titles, std::uint64_t seed, int run) {
  const Predictor predict = find_predictor(name);
  std::vector<Prediction> predictions;
  for (const Session& session : sessions) {
    const Random random(seed, "floor",
                        {static_cast<std::uint64_t>(run), static_cast<std::uint64_t>(session.id)});
    predictions.emplace_back(session.items.size() < 2 ? Answer() : predict({session, titles, random}));
  }
  return predictions;
}

std::vector<std::vector<SessionScore>> score_baseline(std::string_view name,
                                                      std::span<const Session> sessions, const TfIdf& titles,
                                                      std::uint64_t seed) {
  std::vector<std::vector<SessionScore>> runs;
  runs.reserve(static_cast<std::size_t>(baseline_runs(name)));
  for (int run = 0; run < baseline_runs(name); ++run) {
    runs.push_back(score_sessions(sessions, predict_baseline(name, sessions, titles, seed, run)));
  }
  return runs;
}

}  // namespace routedk::bundle
