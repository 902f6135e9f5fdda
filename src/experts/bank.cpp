#include "routedk/experts/bank.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/kernels/lora.h"

#include <set>

#include <fmt/ranges.h>

namespace routedk::experts {
namespace {

/// Adjacent sequences with the same owner, as a range of sequences and of tokens.
struct Run {
  int owner;
  std::size_t first, last;
  std::int64_t begin, end;
};

std::vector<Run> owner_runs(const std::vector<int>& owner, const model::FlatBatch& batch) {
  std::vector<Run> runs;
  for (std::size_t s = 0; s < owner.size(); ++s) {
    if (runs.empty() || runs.back().owner != owner[s]) {
      runs.push_back({owner[s], s, s, batch.cu_seqlens[s], batch.cu_seqlens[s]});
    }
    runs.back().last = s + 1;
    runs.back().end = batch.cu_seqlens[s + 1];
  }
  return runs;
}

/// The dropout of one run: each sequence has its own key, the same for all answers to one prompt.
kernels::KeyedDropout dropout_of(const DeltaSite& site, model::Linear linear, const Run& run) {
  if (site.dropout == nullptr) {
    return {};
  }
  const TrainingDropout& d = *site.dropout;
  std::vector<kernels::DropoutSegment> segments;
  for (const model::TokenRun& tokens : site.batch.runs) {
    const auto s = static_cast<std::size_t>(tokens.sequence);
    if (s < run.first || s >= run.last) {
      continue;
    }
    const std::uint64_t key = random_key(d.seed, "dropout",
                                         {d.step, d.example_keys[s], static_cast<std::uint64_t>(site.layer),
                                          static_cast<std::uint64_t>(linear)});
    segments.push_back({tokens.begin - run.begin, tokens.end - run.begin, key, tokens.position});
  }
  return {d.rate, std::move(segments)};
}

/// Each run's rows with the delta of its factors, without gradients.
template <typename FactorsOf>
at::Tensor owned_invariantly(const std::vector<Run>& runs, const FactorsOf& factors_of,
                             const kernels::FrozenLinear& weight, const at::Tensor& x) {
  at::Tensor y = weight.forward(x);
  for (const Run& run : runs) {
    const LoraFactors f = factors_of(run);
    if (f.a.defined()) {
      const at::Tensor rows = x.slice(0, run.begin, run.end);
      const at::Tensor into = y.slice(0, run.begin, run.end);
      const kernels::LoraStack stack{f.a.to(x.scalar_type()), f.bt.to(x.scalar_type())};
      into.copy_(kernels::add_lora(into, rows, stack, at::scalar_tensor(f.scale, x.options()), true));
    }
  }
  return y;
}

}  // namespace

ExpertBank::ExpertBank(std::vector<std::shared_ptr<Expert>> experts) : experts_(std::move(experts)) {
  if (experts_.empty()) {
    throw_<ConfigError>("an expert bank must hold at least 1 expert, but holds 0 instead");
  }
  std::set<std::string> names;
  for (const auto& expert : experts_) {
    if (!names.insert(expert->name()).second) {
      throw_<ConfigError>("the experts of a bank must have different names, but two are called `{}`",
                          expert->name());
    }
    if (expert->layers() != experts_[0]->layers()) {
      throw_<ConfigError>(
          "the experts of a bank must have the same number of layers, but `{}` has {} and `{}` has {}",
          experts_[0]->name(), experts_[0]->layers(), expert->name(), expert->layers());
    }
  }
}

std::int64_t ExpertBank::index_of(const std::string& name) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < experts_.size(); ++i) {
    if (experts_[i]->name() == name) {
      return static_cast<std::int64_t>(i);
    }
    names.push_back(experts_[i]->name());
  }
  throw_<ConfigError>("an expert must be one of {}, but is `{}` instead", fmt::join(names, ", "), name);
}

ExpertBank::Stack ExpertBank::stack(std::int64_t layer, model::Linear linear, at::ScalarType dtype) const {
  std::vector<at::Tensor> a;
  std::vector<at::Tensor> bt;
  std::vector<std::int64_t> expert;
  std::vector<float> scale;
  for (std::size_t i = 0; i < experts_.size(); ++i) {
    const LoraFactors& f = experts_[i]->factors(layer, linear);
    if (!f.a.defined()) {
      continue;
    }
    a.push_back(f.a.detach());
    bt.push_back(f.bt.detach());
    expert.insert(expert.end(), static_cast<std::size_t>(f.a.size(0)), static_cast<std::int64_t>(i));
    scale.insert(scale.end(), static_cast<std::size_t>(f.a.size(0)), static_cast<float>(f.scale));
  }
  if (a.empty()) {
    return {};
  }
  return {{at::cat(a, 0).to(dtype), at::cat(bt, 0).to(dtype)},
          at::tensor(expert).to(a[0].device()),
          at::tensor(scale).to(a[0].device())};
}

std::vector<at::Tensor> ExpertBank::trainable(std::int64_t layer) const {
  std::vector<at::Tensor> leaves;
  for (const auto& expert : experts_) {
    for (int linear = 0; linear < model::kLinears; ++linear) {
      const LoraFactors& f = expert->factors(layer, static_cast<model::Linear>(linear));
      for (const at::Tensor& factor : {f.a, f.bt}) {
        if (factor.defined() && factor.requires_grad()) {
          leaves.push_back(factor);
        }
      }
    }
  }
  return leaves;
}

void ExpertBank::freeze(at::ScalarType dtype) {
  stacks_.clear();
  for (std::int64_t layer = 0; layer < experts_[0]->layers(); ++layer) {
    for (int linear = 0; linear < model::kLinears; ++linear) {
      stacks_.push_back(stack(layer, static_cast<model::Linear>(linear), dtype));
    }
  }
}

void ExpertBank::freeze(const model::Backbone& backbone) {
  for (const auto& expert : experts_) {
    expert->to(backbone.device());
  }
  freeze(backbone.operand_type());
}

std::vector<at::Tensor> ExpertBank::linears(const DeltaSite& site, const model::Layer& layer,
                                            const at::Tensor& x) const {
  if (!site.rows.owner.empty()) {
    return owned(site, layer, x);
  }
  std::vector<at::Tensor> outputs;
  for (const model::Linear linear : model::linears_of(site.projection)) {
    outputs.push_back(mixed(site, linear, layer[linear], x));
  }
  return outputs;
}

std::vector<at::Tensor> ExpertBank::owned(const DeltaSite& site, const model::Layer& layer,
                                          const at::Tensor& x) const {
  const std::vector<Run> runs = owner_runs(site.rows.owner, site.batch);
  std::vector<at::Tensor> invariant;
  std::vector<kernels::AdaptedLinear> adapted;
  for (const model::Linear linear : model::linears_of(site.projection)) {
    const auto factors_of = [&](const Run& run) {
      return run.owner < 0 ? LoraFactors{} : (*this)[run.owner].factors(site.layer, linear);
    };
    if (site.batch_invariant) {
      invariant.push_back(owned_invariantly(runs, factors_of, layer[linear], x));
      continue;
    }
    adapted.push_back({layer[linear], {}});
    for (const Run& run : runs) {
      const LoraFactors factors = factors_of(run);
      if (factors.a.defined() && run.begin < run.end) {
        adapted.back().parts.push_back({factors, dropout_of(site, linear, run), run.begin, run.end});
      }
    }
  }
  return site.batch_invariant ? invariant : kernels::lora_linears(std::move(adapted), x, site.values);
}

at::Tensor ExpertBank::mixed(const DeltaSite& site, model::Linear linear, const kernels::FrozenLinear& weight,
                             const at::Tensor& x) const {
  if (stacks_.empty()) {
    throw_<Error>("an expert bank must be frozen before its experts are mixed");
  }
  const Stack& s =
      stacks_[static_cast<std::size_t>(site.layer * model::kLinears + static_cast<std::int64_t>(linear))];
  at::Tensor y = weight.forward(x);
  if (!s.expert.defined()) {
    return y;
  }
  const at::Tensor per_rank = site.rows.alpha.index_select(1, s.expert) * s.scale;                   // [S,R]
  const at::Tensor weights = per_rank.to(x.scalar_type()).index_select(0, site.batch.seq_of_token);  // [T,R]
  return kernels::add_lora(y, x, s.factors, weights, site.batch_invariant);
}

}  // namespace routedk::experts
