/// On which sessions one system is better than another: whether it can be told from what the sessions are.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace routedk::eval {

struct Preference {
  std::int64_t decided = 0;     ///< sessions in which the two differ; the others say nothing
  double share_a_better = 0.0;  ///< of the decided ones
  /// Of the decided sessions, each foretold by a model that has not seen it: how many are foretold rightly,
  /// beside the share of the commoner side, and the area under the ROC curve of what
  /// the traits add to the odds (0.5: nothing is foretold).
  double accuracy = 0.0;
  double commoner = 0.0;
  double auc = 0.5;
  std::vector<double> coefficients;  // [P] log odds of "a is better" a standard deviation, on all of them
};

/// Logistic regression of the sign of `gains` [n] (a's figure less b's) on `traits` [n][P], standardised,
/// with a ridge of 1 on its coefficients; cross-validated over `folds` folds. `sessions` [n] says which
/// session a row is of: all rows of one are in the same fold, and the decided sessions take the folds in
/// turn. Both figures of cross-validation are what chance gives where fewer than 2 rows a fold or one side
/// alone are decided.
Preference preference_of(std::span<const double> gains, const std::vector<std::vector<double>>& traits,
                         std::span<const std::int64_t> sessions, int folds = 10);

}  // namespace routedk::eval
