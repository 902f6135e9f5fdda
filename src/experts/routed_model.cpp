#include "routedk/experts/routed_model.h"

namespace routedk::experts {

RoutedOutput RoutedModel::forward(const RoutedPass& pass) const {
  RoutedOutput output;
  output.rows.resize(static_cast<std::size_t>(backbone_->config().layers));
  const auto adapt = [&](std::int64_t layer, const at::Tensor& hidden) -> model::DeltaFn {
    GateRows& rows = output.rows[static_cast<std::size_t>(layer)];
    rows = layer > 0 && pass.gate.same_in_all_layers() ? output.rows[0]
                                                       : pass.gate.rows(layer, hidden, pass.batch);
    return [&, layer](model::Linear linear, const at::Tensor& x, const at::Tensor& y) {
      return bank_->add_delta({layer, linear, rows, pass.batch, pass.dropout}, x, y);
    };
  };
  output.hidden = backbone_->forward(pass.batch.ids, pass.batch.positions, pass.attend, adapt);
  return output;
}

}  // namespace routedk::experts
