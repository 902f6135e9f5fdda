#include "routedk/eval/expected_utility.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "utility_table.h"

namespace routedk::eval {
namespace {

constexpr double kTie = 1e-9;
using Places = std::vector<std::size_t>;  // indices into UtilityTable::bundles, ascending

/// Evaluates one hypothesis after another and keeps the best.
class HypothesisPool {
 public:
  HypothesisPool(std::span<const Reference> references, bundle::Utility utility)
      : table_(references, utility) {
    for (const Reference& reference : references) {
      Places bundles(reference.answer.size());
      std::transform(reference.answer.begin(), reference.answer.end(), bundles.begin(),
                     [&](const bundle::ProductBundle& products) { return table_.index_of(products); });
      sampled_.emplace(std::move(bundles), reference.logprob);
    }
  }

  Hypothesis best() {
    offer_references();
    offer_singles_and_pairs();
    return {answer_of(best_), value_};
  }

 private:
  bundle::ProductAnswer answer_of(const Places& bundles) const {
    bundle::ProductAnswer answer(bundles.size());
    std::transform(bundles.begin(), bundles.end(), answer.begin(),
                   [&](std::size_t b) { return table_.bundles()[b]; });
    return answer;
  }

  double logprob_of(const Places& bundles) const {
    const auto found = sampled_.find(bundles);
    return found == sampled_.end() ? -std::numeric_limits<double>::infinity() : found->second;
  }

  /// Whether these win a tie with the best so far.
  bool preferred(const Places& bundles) const {
    const double own = logprob_of(bundles);
    const double other = logprob_of(best_);
    return own > other || (own == other && bundle::canonical_answer(answer_of(bundles)) <
                                               bundle::canonical_answer(answer_of(best_)));
  }

  void offer(const Places& bundles, double value) {
    if (value > highest_ + kTie || (value > highest_ - kTie && preferred(bundles))) {
      best_ = bundles;
      value_ = value;
    }
    highest_ = std::max(highest_, value);
  }

  /// Adds the bundle to the answer and returns the resulting utility.
  double offer_with(GrowingAnswer& answer, std::size_t bundle) {
    const double value = answer.with(bundle);
    answer.add(bundle);
    offer(answer.bundles(), value);
    return value;
  }

  void grow(GrowingAnswer answer, double value) {
    while (answer.bundles().size() < bundle::kMaxBundles) {
      std::size_t best = table_.bundles().size();
      double highest = value;
      for (std::size_t b = 0; b < table_.bundles().size(); ++b) {
        if (!answer.holds(b) && answer.bound_with(b) > highest + kTie) {
          const double own = answer.with(b);
          best = own > highest + kTie ? b : best;
          highest = best == b ? own : highest;
        }
      }
      if (best == table_.bundles().size()) {
        return;
      }
      value = offer_with(answer, best);
    }
  }

  void offer_references() {
    for (const auto& [bundles, logprob] : sampled_) {
      GrowingAnswer answer(table_);
      double value = 0.0;
      for (const std::size_t b : bundles) {
        value = answer.with(b);
        answer.add(b);
      }
      offer(bundles, value);
      grow(std::move(answer), value);
    }
  }

  void offer_singles_and_pairs() {
    std::pair<std::size_t, std::size_t> best;
    double highest = -1.0;
    for (std::size_t b = 0; b < table_.bundles().size(); ++b) {
      GrowingAnswer answer(table_);
      offer_with(answer, b);
      for (std::size_t c = b + 1; c < table_.bundles().size(); ++c) {
        if (answer.bound_with(c) > highest - kTie) {
          const double value = answer.with(c);
          offer({b, c}, value);
          best = value > highest + kTie ? std::pair(b, c) : best;
          highest = std::max(highest, value);
        }
      }
    }
    if (highest >= 0.0) {
      GrowingAnswer answer(table_);
      answer.add(best.first);
      answer.add(best.second);
      grow(std::move(answer), highest);
    }
  }

  UtilityTable table_;
  std::map<Places, double> sampled_;  // with their log-probabilities
  Places best_;
  double value_ = -1.0;    // of best_
  double highest_ = -1.0;  // so far
};

}  // namespace

Hypothesis best_hypothesis(std::span<const Reference> references, bundle::Utility utility) {
  return HypothesisPool(references, utility).best();
}

}  // namespace routedk::eval
