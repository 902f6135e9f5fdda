#include "routedk/bundle/pair_auc.h"

#include <algorithm>
#include <numeric>

namespace routedk::bundle {
namespace {

bool holds_both(const Bundle& bundle, ItemId a, ItemId b) {
  return std::find(bundle.begin(), bundle.end(), a) != bundle.end() &&
         std::find(bundle.begin(), bundle.end(), b) != bundle.end();
}

bool some_holds_both(const Answer& answer, ItemId a, ItemId b) {
  return std::any_of(answer.begin(), answer.end(),
                     [=](const Bundle& bundle) { return holds_both(bundle, a, b); });
}

/// The pairs of one session that have the same score.
struct Level {
  std::uint32_t score = 0;  // rank among all scores
  double together = 0.0;
  double apart = 0.0;
};

std::vector<std::vector<Level>> count_levels(std::span<const std::vector<RankedPair>> pairs_of_session,
                                             const std::vector<double>& scores) {
  std::vector<std::vector<Level>> levels(pairs_of_session.size());
  for (std::size_t s = 0; s < pairs_of_session.size(); ++s) {
    for (const RankedPair& pair : pairs_of_session[s]) {
      const auto place = std::lower_bound(scores.begin(), scores.end(), pair.score) - scores.begin();
      const auto score = static_cast<std::uint32_t>(place);
      auto level =
          std::find_if(levels[s].begin(), levels[s].end(), [=](const Level& l) { return l.score == score; });
      if (level == levels[s].end()) {
        level = levels[s].insert(level, Level{score});
      }
      (pair.together ? level->together : level->apart) += 1.0;
    }
  }
  return levels;
}

double area(const std::vector<Level>& levels) {
  double won = 0.0;
  double together = 0.0;
  double apart = 0.0;
  for (const Level& level : levels) {  // ascending by score
    won += level.together * (apart + 0.5 * level.apart);
    together += level.together;
    apart += level.apart;
  }
  return together > 0 && apart > 0 ? won / (together * apart) : 0.0;
}

double pooled_area(const std::vector<std::vector<Level>>& levels, std::size_t scores,
                   std::span<const std::uint32_t> sessions) {
  std::vector<Level> pooled(scores);
  for (const std::uint32_t s : sessions) {
    for (const Level& level : levels[s]) {
      pooled[level.score].together += level.together;
      pooled[level.score].apart += level.apart;
    }
  }
  return area(pooled);
}

std::vector<double> distinct_scores(std::span<const std::vector<RankedPair>> pairs_of_session) {
  std::vector<double> scores;
  for (const auto& pairs : pairs_of_session) {
    std::transform(pairs.begin(), pairs.end(), std::back_inserter(scores),
                   [](const auto& p) { return p.score; });
  }
  std::sort(scores.begin(), scores.end());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  return scores;
}

}  // namespace

std::vector<RankedPair> candidate_pairs(const Session& session, std::span<const Prediction> candidates) {
  std::vector<RankedPair> pairs;
  for (std::size_t i = 0; i < session.items.size(); ++i) {
    for (std::size_t j = i + 1; j < session.items.size(); ++j) {
      const ItemId a = session.items[i].id;
      const ItemId b = session.items[j].id;
      const auto holding = std::count_if(
          candidates.begin(), candidates.end(),
          [=](const Prediction& candidate) { return candidate && some_holds_both(*candidate, a, b); });
      const bool together = std::any_of(session.gold.begin(), session.gold.end(),
                                        [=](const GoldBundle& gold) { return holds_both(gold.items, a, b); });
      const auto count = static_cast<double>(std::max<std::size_t>(candidates.size(), 1));
      pairs.push_back({static_cast<double>(holding) / count, together});
    }
  }
  return pairs;
}

PairAuc pair_auc(std::span<const std::vector<RankedPair>> pairs_of_session, const BootstrapOptions& options) {
  const auto scores = distinct_scores(pairs_of_session);
  const auto levels = count_levels(pairs_of_session, scores);
  std::vector<std::uint32_t> everyone(levels.size());
  std::iota(everyone.begin(), everyone.end(), 0U);
  std::vector<double> samples;
  samples.reserve(static_cast<std::size_t>(options.resamples));
  for (int b = 0; b < options.resamples; ++b) {
    samples.push_back(pooled_area(levels, scores.size(), draw_resample(levels.size(), options.seed, b)));
  }
  return {pooled_area(levels, scores.size(), everyone), percentile_interval(std::move(samples))};
}

}  // namespace routedk::bundle
