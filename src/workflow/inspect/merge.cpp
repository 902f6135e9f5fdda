#include "routedk/workflow/inspect/merge.h"

#include "routedk/core/error.h"
#include "routedk/model/hf_folder.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/predict/mixture.h"

#include <cmath>

#include "tokenizer_of.h"
#include <ATen/core/grad_mode.h>

namespace routedk::workflow {
namespace {

std::vector<double> weights_of(const MergeOptions& options) {
  const std::size_t count = options.adapters.size();
  std::vector<double> weights = options.weights;
  if (weights.empty()) {
    weights.assign(count, 1.0 / static_cast<double>(count));
  }
  if (weights.size() != count) {
    throw_<ConfigError>("`weights` must be one for each of the {} adapters, but are {}", count,
                        weights.size());
  }
  for (const double weight : weights) {
    if (!std::isfinite(weight)) {
      throw_<ConfigError>("`weights` must be finite, but one is {} instead", weight);
    }
  }
  return weights;
}

/// The weight of parameter's linear plus the weighted deltas.
at::Tensor merged(const at::Tensor& weight, const experts::ExpertBank& bank,
                  const model::Parameter& parameter, const std::vector<double>& weights) {
  at::Tensor sum = weight.to(at::kFloat);
  for (std::int64_t i = 0; i < bank.size(); ++i) {
    const at::Tensor delta = experts::dense_delta(bank[i].factors(parameter.layer, *parameter.linear));
    if (delta.defined()) {
      sum = at::add(sum, delta, weights[static_cast<std::size_t>(i)]);
    }
  }
  return sum;
}

}  // namespace

void merge(const MergeOptions& options) {
  const at::NoGradGuard no_grad;
  const std::vector<double> weights = weights_of(options);
  const auto source = model::WeightSource::open(options.model);
  const auto bank = load_bank(options.adapters, source->config());
  const auto value = [&](const model::Parameter& parameter) {
    const at::Tensor weight = source->dense(parameter.name, parameter.shape);
    return parameter.linear ? merged(weight, *bank, parameter, weights) : weight;
  };
  model::write_hf_folder({source->config(), source->dtype(), options.model, tokenizer_of(options.model)},
                         value, options.output);
}

}  // namespace routedk::workflow
