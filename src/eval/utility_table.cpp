#include "utility_table.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <set>

namespace routedk::eval {
namespace {

using bundle::ProductBundle;

static_assert(bundle::kMaxProducts <= 16, "a bundle is a mask of 16 bits");

std::uint16_t mask_of(const ProductBundle& products) {
  std::uint16_t mask = 0;
  for (const int product : products) {
    if (product < 1 || product > bundle::kMaxProducts) {
      throw_<DataError>("a product number must be from 1 to {}, but is {} instead", bundle::kMaxProducts,
                        product);
    }
    mask = static_cast<std::uint16_t>(mask | 1U << (product - 1));
  }
  return mask;
}

double jaccard_of(std::uint16_t a, std::uint16_t b) {
  const auto common = static_cast<std::uint16_t>(a & b);
  const auto united = static_cast<std::uint16_t>(a | b);
  return static_cast<double>(std::popcount(common)) / static_cast<double>(std::popcount(united));
}

bool contains(std::uint16_t whole, std::uint16_t part) {
  return (part & static_cast<std::uint16_t>(~whole)) == 0;
}

/// 0 if both are.
double harmonic(double a, double b) {
  return 2.0 * a * b / std::max(a + b, std::numeric_limits<double>::min());
}

}  // namespace

UtilityTable::UtilityTable(std::span<const Reference> references, bundle::Utility utility) {
  std::set<ProductBundle> distinct;
  for (const Reference& reference : references) {
    distinct.insert(reference.answer.begin(), reference.answer.end());
  }
  bundles_.assign(distinct.begin(), distinct.end());
  place(references);
  if (utility != bundle::Utility::kJaccardF1) {
    metrics_.push_back(tabulate(/*jaccard=*/false));
  }
  if (utility != bundle::Utility::kF1) {
    metrics_.push_back(tabulate(/*jaccard=*/true));
  }
}

std::size_t UtilityTable::index_of(const ProductBundle& bundle) const {
  return static_cast<std::size_t>(std::lower_bound(bundles_.begin(), bundles_.end(), bundle) -
                                  bundles_.begin());
}

void UtilityTable::place(std::span<const Reference> references) {
  std::vector<const Reference*> sorted;
  sorted.reserve(references.size());
  for (const Reference& reference : references) {
    sorted.push_back(&reference);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const Reference* a, const Reference* b) {
    return a->answer.size() > b->answer.size();
  });
  for (const Reference* reference : sorted) {
    const std::size_t count = reference->answer.size();
    reach_.resize(std::max(reach_.size(), count));
    weight_.push_back(reference->weight);
    inverse_count_.push_back(count == 0 ? 0.0 : 1.0 / static_cast<double>(count));
    auto& masks = masks_.emplace_back();
    for (std::size_t k = 0; k < count; ++k) {
      ++reach_[k];
      masks.push_back(mask_of(reference->answer[k]));
    }
  }
}

MetricTable UtilityTable::tabulate(bool jaccard) const {
  const std::size_t references = weight_.size();
  const std::size_t columns = std::accumulate(reach_.begin(), reach_.end(), std::size_t{0});
  MetricTable table;
  table.precision.resize(bundles_.size() * references);
  table.recall.resize(bundles_.size() * columns);
  table.mean_precision.resize(bundles_.size());
  table.mean_recall.resize(bundles_.size());
  for (std::size_t b = 0; b < bundles_.size(); ++b) {
    const std::uint16_t own = mask_of(bundles_[b]);
    for (std::size_t g = 0; g < references; ++g) {
      double& precision = table.precision[b * references + g];
      double recall = 0.0;
      std::size_t column = b * columns + g;
      for (std::size_t k = 0; k < masks_[g].size(); ++k) {
        const bool first = precision == 0.0 && contains(masks_[g][k], own);
        const double found = jaccard ? jaccard_of(own, masks_[g][k]) : static_cast<double>(first);
        table.recall[column] = found;
        precision = std::max(precision, found);
        recall += found;
        column += reach_[k];
      }
      table.mean_precision[b] += weight_[g] * precision;
      table.mean_recall[b] += weight_[g] * recall * inverse_count_[g];
    }
  }
  return table;
}

GrowingAnswer::GrowingAnswer(const UtilityTable& table) : table_(table), scratch_(table.weight_.size()) {
  const std::size_t columns = std::accumulate(table.reach_.begin(), table.reach_.end(), std::size_t{0});
  for (std::size_t m = 0; m < table.metrics_.size(); ++m) {
    sums_.push_back({std::vector<double>(table.weight_.size()), std::vector<double>(columns)});
  }
}

bool GrowingAnswer::holds(std::size_t bundle) const {
  return std::binary_search(bundles_.begin(), bundles_.end(), bundle);
}

double GrowingAnswer::with(std::size_t bundle) {
  double sum = 0.0;
  for (std::size_t m = 0; m < sums_.size(); ++m) {
    sum += expected(table_.metrics_[m], sums_[m], bundle);
  }
  return sum / static_cast<double>(sums_.size());
}

double GrowingAnswer::expected(const MetricTable& metric, const Sums& sums, std::size_t bundle) {
  const std::size_t references = scratch_.size();
  double* found = scratch_.data();
  const double* held = sums.recall.data();
  const double* own = metric.recall.data() + bundle * sums.recall.size();
  std::fill(scratch_.begin(), scratch_.end(), 0.0);
  for (const std::size_t reach : table_.reach_) {
    for (std::size_t g = 0; g < reach; ++g) {
      found[g] += std::max(held[g], own[g]);
    }
    held += reach;
    own += reach;
  }
  const double* precision = metric.precision.data() + bundle * references;
  const double share = 1.0 / static_cast<double>(bundles_.size() + 1);
  for (std::size_t g = 0; g < references; ++g) {
    found[g] = table_.weight_[g] *
               harmonic((sums.precision[g] + precision[g]) * share, found[g] * table_.inverse_count_[g]);
  }
  return std::accumulate(scratch_.begin(), scratch_.end(), 0.0);
}

double GrowingAnswer::bound_with(std::size_t bundle) const {
  const double share = 1.0 / static_cast<double>(bundles_.size() + 1);
  double sum = 0.0;
  for (std::size_t m = 0; m < sums_.size(); ++m) {
    const MetricTable& metric = table_.metrics_[m];
    sum += harmonic((sums_[m].mean_precision + metric.mean_precision[bundle]) * share,
                    std::min(1.0, sums_[m].mean_recall + metric.mean_recall[bundle]));
  }
  return sum / static_cast<double>(sums_.size()) + 1e-12;  // margin for rounding
}

void GrowingAnswer::add(std::size_t bundle) {
  bundles_.insert(std::upper_bound(bundles_.begin(), bundles_.end(), bundle), bundle);
  const std::size_t references = scratch_.size();
  for (std::size_t m = 0; m < sums_.size(); ++m) {
    const MetricTable& metric = table_.metrics_[m];
    Sums& sums = sums_[m];
    for (std::size_t g = 0; g < references; ++g) {
      sums.precision[g] += metric.precision[bundle * references + g];
    }
    const std::size_t columns = sums.recall.size();
    sums.mean_recall = 0.0;
    std::size_t column = 0;
    for (const std::size_t reach : table_.reach_) {
      for (std::size_t g = 0; g < reach; ++g, ++column) {
        sums.recall[column] = std::max(sums.recall[column], metric.recall[bundle * columns + column]);
        sums.mean_recall += table_.weight_[g] * table_.inverse_count_[g] * sums.recall[column];
      }
    }
    sums.mean_precision += metric.mean_precision[bundle];
  }
}

}  // namespace routedk::eval
