/// On which sessions one system is better than another, and whether the sessions' traits predict it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace routedk::eval {

struct Preference {
  std::int64_t decided = 0;     ///< sessions on which the two differ; the others are ignored
  double share_a_better = 0.0;  ///< among the decided ones
  /// On the decided sessions, each predicted by a model that has not seen it: the share of correct
  /// predictions, the share of the more common side, and the area under the ROC curve of the traits'
  /// contribution to the log odds (0.5: no prediction).
  double accuracy = 0.0;
  double commoner = 0.0;
  double auc = 0.5;
  std::vector<double> coefficients;  // [P] log odds of "a is better" per standard deviation, fitted on all of
                                     // them
};

/// Logistic regression of the sign of `gains` [n] (a's value minus b's) on `traits` [n][P], standardised,
/// with a ridge of 1 on its coefficients; cross-validated over `folds` folds. `sessions` [n] gives each row's
/// session: all rows of one are in the same fold, and the decided sessions are assigned to folds in turn.
/// With fewer than 2 decided rows per fold, or only one side, accuracy and AUC are those of chance.
Preference preference_of(std::span<const double> gains, const std::vector<std::vector<double>>& traits,
                         std::span<const std::int64_t> sessions, int folds = 10);

}  // namespace routedk::eval
