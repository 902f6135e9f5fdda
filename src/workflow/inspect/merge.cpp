#include "routedk/workflow/inspect/merge.h"

#include "routedk/model/hf_folder.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/predict/mixture.h"

#include "tokenizer_of.h"
#include <ATen/core/grad_mode.h>

namespace routedk::workflow {
namespace {

/// The weight of the parameter's linear plus the weighted deltas.
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
  const std::vector<double> weights = chosen_weights(options.weights, options.adapters.size());
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
