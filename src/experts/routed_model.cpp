#include "routedk/experts/routed_model.h"

#include "routedk/model/recompute.h"

#include <ATen/core/grad_mode.h>

namespace routedk::experts {

namespace {

/// A layer's linears, plus the bank's deltas under the gate's rows.
struct BankAdapters {
  const ExpertBank& bank;
  const RoutedPass& pass;
  std::int64_t layer;
  const GateRows& rows;
  model::Run run;

  std::vector<at::Tensor> operator()(model::Projection projection, const model::Layer& weights,
                                     const at::Tensor& x) const {
    const bool cut = pass.keep != nullptr && x.size(0) != pass.batch.tokens();
    const model::FlatBatch& batch = cut ? pass.keep->batch : pass.batch;
    // The layer ends with this residual sum, whose gradients do not need its value.
    const bool read = run == model::Run::kValue || projection != model::Projection::kDown;
    return bank.linears({layer, projection, rows, batch, pass.dropout, pass.batch_invariant,
                         read ? kernels::Values::kRead : kernels::Values::kUnread},
                        weights, x);
  }
};

}  // namespace

RoutedOutput RoutedModel::forward(const RoutedPass& pass) const {
  RoutedOutput output;
  auto layers = std::make_shared<model::LayerPass>(backbone_->layer_pass(pass.batch));
  layers->cache = pass.cache;
  layers->cache_rows = pass.cache_rows;
  layers->keep = pass.keep;
  // The last layer's gradients come first: to compute it again then would save no memory.
  const std::int64_t recomputed =
      pass.recompute && at::GradMode::is_enabled() ? backbone_->config().layers - 1 : 0;
  output.hidden = backbone_->embed(pass.batch.ids);
  for (std::int64_t layer = 0; layer < backbone_->config().layers; ++layer) {
    output.rows.push_back(layer > 0 && pass.gate.same_in_all_layers()
                              ? output.rows[0]
                              : pass.gate.rows(layer, output.hidden, pass.batch));
    // Backward may run the layer again after this call has returned.
    const auto run = [this, pass, layers, layer, owner = output.rows.back().owner](const auto& inputs,
                                                                                   model::Run why) {
      const GateRows rows{inputs[1], owner};
      const BankAdapters adapters{*bank_, pass, layer, rows, why};
      model::TensorEngine engine(backbone_->config(), backbone_->layers()[static_cast<std::size_t>(layer)],
                                 layer, *layers, adapters);
      return model::decoder_layer(engine, inputs[0]);
    };
    const std::vector<at::Tensor> inputs = {output.hidden, output.rows.back().alpha};
    output.hidden = layer < recomputed ? model::recompute(run, inputs, bank_->trainable(layer))
                                       : run(inputs, model::Run::kValue);
  }
  output.hidden = backbone_->final_norm(output.hidden);
  return output;
}

RoutedModel without_experts(std::shared_ptr<const model::Backbone> backbone) {
  const model::LlamaConfig& config = backbone->config();
  std::vector<std::shared_ptr<Expert>> bank{
      std::make_shared<Expert>("none", config, LoraPlan(config, false), backbone->device())};
  return {std::move(backbone), std::make_shared<ExpertBank>(std::move(bank))};
}

}  // namespace routedk::experts
