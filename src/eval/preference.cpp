#include "routedk/eval/preference.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <ATen/ATen.h>

namespace routedk::eval {
namespace {

constexpr double kRidge = 1.0;
constexpr int kNewtonSteps = 30;

/// x [n,P] -> [n,1+P] with a column of ones, standardised by the mean and deviation of the rows `by` [m,P].
at::Tensor standardised(const at::Tensor& x, const at::Tensor& by) {
  const at::Tensor scale = by.std(0, /*unbiased=*/false);
  const at::Tensor safe = at::where(scale > 0, scale, at::ones_like(scale));
  return at::cat({at::ones({x.size(0), 1}, at::kDouble), (x - by.mean(0)) / safe}, 1);
}

/// Newton's method: x [n,1+P], y [n] of 0 and 1 -> [1+P]; the intercept is not penalised.
at::Tensor fitted(const at::Tensor& x, const at::Tensor& y) {
  at::Tensor ridge = at::full({x.size(1)}, kRidge, at::kDouble);
  ridge[0] = 1e-6;  // keeps one-sided folds solvable
  at::Tensor w = at::zeros({x.size(1)}, at::kDouble);
  for (int step = 0; step < kNewtonSteps; ++step) {
    const at::Tensor p = at::sigmoid(at::mv(x, w));
    const at::Tensor gradient = at::mv(x.t(), p - y) + ridge * w;
    const at::Tensor hessian = at::mm(x.t(), x * (p * (1 - p)).unsqueeze(1)) + at::diag(ridge);
    w = w - std::get<0>(at::linalg_solve_ex(hessian, gradient));
  }
  return w;
}

/// Mann-Whitney: the share of pairs (a better, b better) in order, ties counting half.
double area_under_curve(const at::Tensor& score, const at::Tensor& y) {
  const at::Tensor difference = score.masked_select(y > 0.5).unsqueeze(1) - score.masked_select(y < 0.5);
  return ((difference > 0).to(at::kDouble) + (difference == 0).to(at::kDouble) / 2).mean().item<double>();
}

}  // namespace

Preference preference_of(std::span<const double> gains, const std::vector<std::vector<double>>& traits,
                         std::span<const std::int64_t> sessions, int folds) {
  Preference result;
  std::vector<double> sides;
  std::vector<double> values;
  std::map<std::int64_t, std::int64_t> places;  // for the decided sessions, in order
  std::vector<std::int64_t> folds_of_rows;
  for (std::size_t s = 0; s < gains.size(); ++s) {
    if (gains[s] != 0.0) {
      sides.push_back(gains[s] > 0.0 ? 1.0 : 0.0);
      const auto place = places.try_emplace(sessions[s], static_cast<std::int64_t>(places.size())).first;
      folds_of_rows.push_back(place->second % folds);
      values.insert(values.end(), traits[s].begin(), traits[s].end());
    }
  }
  const auto n = static_cast<std::int64_t>(sides.size());
  const auto width = traits.empty() ? 0 : static_cast<std::int64_t>(traits.front().size());
  result.decided = n;
  result.coefficients.assign(static_cast<std::size_t>(width), 0.0);
  if (n == 0) {
    return result;
  }
  const at::Tensor y = at::tensor(sides, at::kDouble);
  const at::Tensor x = at::tensor(values, at::kDouble).view({n, width});
  result.share_a_better = y.mean().item<double>();
  result.commoner = std::max(result.share_a_better, 1.0 - result.share_a_better);
  result.accuracy = result.commoner;
  if (n < 2 * folds || result.commoner == 1.0) {
    return result;
  }
  const at::Tensor w = fitted(standardised(x, x), y);
  for (std::int64_t p = 0; p < width; ++p) {
    result.coefficients[static_cast<std::size_t>(p)] = w[p + 1].item<double>();
  }
  const at::Tensor fold = at::tensor(folds_of_rows);
  at::Tensor score = at::empty({n}, at::kDouble);
  at::Tensor by_traits = at::empty({n}, at::kDouble);  // a fold's intercept is biased against the held-out
                                                       // rows
  for (int f = 0; f < folds; ++f) {
    const at::Tensor out = (fold == f).nonzero().squeeze(1);
    const at::Tensor in = (fold != f).nonzero().squeeze(1);
    const at::Tensor seen = x.index_select(0, in);
    const at::Tensor model = fitted(standardised(seen, seen), y.index_select(0, in));
    const at::Tensor told = at::mv(standardised(x.index_select(0, out), seen), model);
    score.index_copy_(0, out, told);
    by_traits.index_copy_(0, out, told - model[0]);
  }
  result.accuracy = ((score > 0) == (y > 0.5)).to(at::kDouble).mean().item<double>();
  result.auc = area_under_curve(by_traits, y);
  return result;
}

}  // namespace routedk::eval
