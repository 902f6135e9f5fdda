#include "routedk/experts/ties.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "module_names.h"
#include <ATen/core/grad_mode.h>

namespace routedk::experts {
namespace {

/// A [r,in] and Bt [r,out] of one linear.
using Factors = std::pair<at::Tensor, at::Tensor>;

void check_density(double density) {
  if (!(density >= 0.0 && density <= 1.0)) {
    throw_<ConfigError>("the density of TIES must be from 0 to 1, but is {} instead", density);
  }
}

/// Zero except for the floor(density * n) values of largest magnitude.
at::Tensor pruned(const at::Tensor& tensor, double density) {
  const at::Tensor flat = tensor.reshape(-1);
  const auto kept = static_cast<std::int64_t>(density * static_cast<double>(flat.numel()));
  const at::Tensor chosen = std::get<1>(flat.abs().topk(kept));
  at::Tensor result = at::zeros_like(flat);
  result.index_copy_(0, chosen, flat.index_select(0, chosen));
  return result.view(tensor.sizes());
}

/// The factors of all experts that adapt the linear; empty if none does.
std::vector<LoraFactors> present(const ExpertBank& bank, std::int64_t layer, model::Linear linear) {
  std::vector<LoraFactors> found;
  for (std::int64_t i = 0; i < bank.size(); ++i) {
    const LoraFactors& f = bank[i].factors(layer, linear);
    if (f.a.defined()) {
      found.push_back({f.a.detach(), f.bt.detach(), f.scale});
    }
  }
  return found;
}

at::Tensor merged_delta(const std::vector<LoraFactors>& factors, double density) {
  std::vector<at::Tensor> deltas(factors.size());
  std::transform(factors.begin(), factors.end(), deltas.begin(), dense_delta);
  return ties_merge(deltas, std::vector<double>(deltas.size(), 1.0), density);
}

Factors exact_factors(const at::Tensor& delta) {
  const std::int64_t out = delta.size(0);
  const std::int64_t in = delta.size(1);
  return out <= in ? Factors{delta, at::eye(out)} : Factors{at::eye(in), delta.t().contiguous()};
}

Factors low_rank_factors(const at::Tensor& delta, std::int64_t rank) {
  const auto [u, s, vh] = at::linalg_svd(delta, /*full_matrices=*/false);
  return {vh.narrow(0, 0, rank), (u.narrow(1, 0, rank) * s.narrow(0, 0, rank)).t()};
}

Factors merged_factors(const std::vector<LoraFactors>& factors, double density, const std::string& module) {
  std::vector<at::Tensor> a;
  std::vector<at::Tensor> bt;
  std::vector<double> weights;
  for (const LoraFactors& f : factors) {
    if (f.a.size(0) != factors[0].a.size(0)) {
      throw_<ConfigError>("TIES on factors must have experts of one rank, but {} has ranks {} and {}", module,
                          factors[0].a.size(0), f.a.size(0));
    }
    a.push_back(f.a);
    bt.push_back(f.bt);
    weights.push_back(std::sqrt(f.scale));
  }
  return {ties_merge(a, weights, density), ties_merge(bt, weights, density)};
}

/// An expert of scale 1 with `factors_of(layer, linear, factors of the adapting experts)` for each adapted
/// linear.
Expert merge(
    const ExpertBank& bank, const model::LlamaConfig& model, const std::string& name,
    const std::function<Factors(std::int64_t, model::Linear, const std::vector<LoraFactors>&)>& factors_of) {
  const at::NoGradGuard no_grad;
  LoraPlan plan(model, false);
  std::vector<Factors> factors(plan.sizes.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const auto layer = static_cast<std::int64_t>(i) / model::kLinears;
    const auto linear = static_cast<model::Linear>(i % static_cast<std::size_t>(model::kLinears));
    const std::vector<LoraFactors> given = present(bank, layer, linear);
    if (!given.empty()) {
      factors[i] = factors_of(layer, linear, given);
      const std::int64_t rank = factors[i].first.size(0);
      plan.sizes[i] = {rank, static_cast<double>(rank)};
    }
  }
  Expert expert(name, model, plan);
  expert.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors& f) {
    Factors& from = factors[LoraPlan::index(layer, linear)];
    f.a.copy_(from.first);
    f.bt.copy_(from.second);
    from = {};
  });
  return expert;
}

}  // namespace

at::Tensor ties_merge(const std::vector<at::Tensor>& tensors, const std::vector<double>& weights,
                      double density) {
  check_density(density);
  std::vector<at::Tensor> kept(tensors.size());
  std::transform(tensors.begin(), tensors.end(), kept.begin(),
                 [&](const at::Tensor& tensor) { return density >= 1.0 ? tensor : pruned(tensor, density); });
  at::Tensor sum = at::zeros_like(kept[0]);
  for (const at::Tensor& tensor : kept) {
    sum += tensor;
  }
  const at::Tensor sign = at::where(sum >= 0, 1.0F, -1.0F);
  at::Tensor total = at::zeros_like(sum);
  at::Tensor count = at::zeros_like(sum);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const at::Tensor agrees = (kept[i].sign() == sign).to(sum.scalar_type());
    total += kept[i] * weights[i] * agrees;
    count += agrees;
  }
  return total / count.clamp_min(1.0);
}

Expert ties_deltas(const ExpertBank& bank, const model::LlamaConfig& model, double density,
                   std::optional<std::int64_t> rank) {
  check_density(density);
  if (rank && *rank < 1) {
    throw_<ConfigError>("the rank of TIES must be at least 1, but is {} instead", *rank);
  }
  return merge(bank, model, "ties",
               [&](std::int64_t, model::Linear, const std::vector<LoraFactors>& factors) {
                 const at::Tensor delta = merged_delta(factors, density);
                 const bool exact = !rank || *rank >= std::min(delta.size(0), delta.size(1));
                 return exact ? exact_factors(delta) : low_rank_factors(delta, *rank);
               });
}

Expert ties_factors(const ExpertBank& bank, const model::LlamaConfig& model, double density) {
  return merge(bank, model, "ties_factors",
               [&](std::int64_t layer, model::Linear linear, const std::vector<LoraFactors>& factors) {
                 return merged_factors(factors, density, model::module_name(layer, linear));
               });
}

}  // namespace routedk::experts
