#include "routedk/eval/linear_probe.h"

#include "routedk/experts/router.h"

#include <algorithm>
#include <iterator>

namespace routedk::eval {

experts::GateRows PoolRecorder::rows(std::int64_t layer, const at::Tensor& hidden,
                                     const model::FlatBatch& batch) const {
  layers_.resize(std::max(layers_.size(), static_cast<std::size_t>(layer) + 1));
  layers_[static_cast<std::size_t>(layer)].push_back(experts::pool_prompts(hidden, batch, rms_).to(at::kCPU));
  return gate_.rows(layer, hidden, batch);
}

std::vector<at::Tensor> PoolRecorder::pooled() const {
  std::vector<at::Tensor> all;
  std::transform(layers_.begin(), layers_.end(), std::back_inserter(all),
                 [](const auto& passes) { return at::cat(passes); });
  return all;
}

double probe_r2(const at::Tensor& z, const at::Tensor& y, int folds) {
  const std::int64_t sessions = z.size(0);
  const at::Tensor exact = z.to(at::kDouble);
  const at::Tensor target = y.to(at::kDouble);
  const at::Tensor fold = at::arange(sessions).remainder(folds);
  double errors = 0.0;
  double of_mean = 0.0;
  for (int f = 0; f < folds && sessions >= folds; ++f) {
    const at::Tensor out = (fold == f).nonzero().squeeze(1);
    const at::Tensor in = (fold != f).nonzero().squeeze(1);
    const at::Tensor seen = exact.index_select(0, in);
    const at::Tensor scale = seen.std(0, /*unbiased=*/false).clamp_min(1e-12);
    const at::Tensor x = (seen - seen.mean(0)) / scale;                            // [n,D]
    const at::Tensor asked = (exact.index_select(0, out) - seen.mean(0)) / scale;  // [m,D]
    const at::Tensor known = target.index_select(0, in);
    const at::Tensor middle = known.mean();
    const at::Tensor ridge = at::eye(x.size(0), at::kDouble) * static_cast<double>(x.size(1));
    // dual form: n sessions are fewer than D directions
    const at::Tensor weights =
        std::get<0>(at::linalg_solve_ex(at::mm(x, x.t()) + ridge, known - middle));  // [n]
    const at::Tensor foretold = at::mv(at::mm(asked, x.t()), weights) + middle;
    const at::Tensor truth = target.index_select(0, out);
    errors += (truth - foretold).square().sum().item<double>();
    of_mean += (truth - middle).square().sum().item<double>();
  }
  return of_mean > 0.0 ? 1.0 - errors / of_mean : 0.0;
}

}  // namespace routedk::eval
