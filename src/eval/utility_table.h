/// The expected utility of an answer that grows bundle by bundle, from precomputed tables and bit masks.
#pragma once

#include "routedk/eval/expected_utility.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace routedk::eval {

/// Values for each bundle of a reference, and for each of these with each reference. One metric of an answer
/// A against a reference of n bundles is the harmonic mean of
///   precision: the sum over A of `precision`, divided by |A|
///   recall: the sum over the reference's bundles of the largest `recall` in A, divided by n.
///   f1          precision: 1 if a bundle of the reference contains it; recall: 1 for the first such bundle
///   jaccard_f1  precision: the best Jaccard with a bundle of the reference; recall: the Jaccard with each
struct MetricTable {
  std::vector<double> precision;       // [bundles, references]
  std::vector<double> recall;          // [bundles, columns]
  std::vector<double> mean_precision;  // [bundles], expected
  std::vector<double> mean_recall;     // [bundles], expected if it is the answer's only bundle
};

class UtilityTable {
 public:
  UtilityTable(std::span<const Reference> references, bundle::Utility utility);

  /// The distinct bundles of the references in canonical order.
  const std::vector<bundle::ProductBundle>& bundles() const { return bundles_; }
  std::size_t index_of(const bundle::ProductBundle& bundle) const;

 private:
  friend class GrowingAnswer;

  void place(std::span<const Reference> references);
  MetricTable tabulate(bool jaccard) const;

  std::vector<bundle::ProductBundle> bundles_;
  // References with more bundles come first: those with more than k are the first reach_[k]. A column is a
  // reference's bundle: bundle 0 of the first reach_[0] references, then bundle 1 of the first reach_[1], ...
  std::vector<std::size_t> reach_;
  std::vector<std::vector<std::uint16_t>> masks_;  // [references][bundles of each]: bit n - 1 is product n
  std::vector<double> weight_;                     // [references]
  std::vector<double> inverse_count_;              // [references]: 1 / number of bundles, 0 if there are none
  std::vector<MetricTable> metrics_;               // the utility is their mean
};

class GrowingAnswer {
 public:
  /// Starts as the empty answer, whose expected utility is 0. The table must outlive it.
  explicit GrowingAnswer(const UtilityTable& table);

  const std::vector<std::size_t>& bundles() const { return bundles_; }
  bool holds(std::size_t bundle) const;
  /// The expected utility with that bundle added; the answer must not contain it yet.
  double with(std::size_t bundle);
  /// An upper bound of that in constant time: the harmonic mean is concave, so its expectation is at most
  /// that of the expected precision and recall (Jensen), and recall grows by at most the bundle's own.
  double bound_with(std::size_t bundle) const;
  void add(std::size_t bundle);

 private:
  struct Sums {
    std::vector<double> precision;  // [references], over the bundles
    std::vector<double> recall;     // [columns], the largest
    double mean_precision = 0.0;    // expected sum
    double mean_recall = 0.0;       // expected
  };

  double expected(const MetricTable& metric, const Sums& sums, std::size_t bundle);

  const UtilityTable& table_;
  std::vector<std::size_t> bundles_;  // ascending
  std::vector<Sums> sums_;            // one per metric
  std::vector<double> scratch_;       // [references]
};

}  // namespace routedk::eval
