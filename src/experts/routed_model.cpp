#include "routedk/experts/routed_model.h"

#include "routedk/model/recompute.h"

#include <ATen/core/grad_mode.h>

namespace routedk::experts {

RoutedOutput RoutedModel::forward(const RoutedPass& pass) const {
  RoutedOutput output;
  output.rows.resize(static_cast<std::size_t>(backbone_->config().layers));
  const bool recompute = pass.recompute && at::GradMode::is_enabled();
  const auto run = [&](std::int64_t layer, const at::Tensor& hidden, const model::LayerFn& forward) {
    GateRows& rows = output.rows[static_cast<std::size_t>(layer)];
    rows = layer > 0 && pass.gate.same_in_all_layers() ? output.rows[0]
                                                       : pass.gate.rows(layer, hidden, pass.batch);
    const auto adapted = [this, forward, layer, owner = rows.owner, &batch = pass.batch, keep = pass.keep,
                          dropout = pass.dropout, apart = pass.apart](const std::vector<at::Tensor>& inputs) {
      const GateRows at{inputs[1], owner};
      return forward(inputs[0], [&](model::Linear linear, const quant::FrozenLinear& w, const at::Tensor& x) {
        const bool cut = keep != nullptr && x.size(0) != batch.tokens();
        const model::FlatBatch& here = cut ? keep->batch : batch;
        return bank_->linear({layer, linear, at, here, dropout, apart}, w, x);
      });
    };
    const std::vector<at::Tensor> inputs = {hidden, rows.alpha};
    return recompute ? model::recompute(adapted, inputs, bank_->trainable(layer)) : adapted(inputs);
  };
  output.hidden = backbone_->forward(pass.batch.ids, pass.batch.positions, pass.attend, run,
                                     pass.keep == nullptr ? at::Tensor() : pass.keep->rows);
  return output;
}

RoutedModel without_experts(std::shared_ptr<const model::Backbone> backbone) {
  const model::LlamaConfig& config = backbone->config();
  std::vector<std::shared_ptr<Expert>> bank{
      std::make_shared<Expert>("none", config, LoraPlan(config, false))};
  return {std::move(backbone), std::make_shared<ExpertBank>(std::move(bank))};
}

}  // namespace routedk::experts
