#include "routedk/experts/router.h"

namespace routedk::experts {
namespace {

std::vector<std::vector<std::int64_t>> router_shapes(std::int64_t layers, std::int64_t hidden,
                                                     std::int64_t experts) {
  std::vector<std::vector<std::int64_t>> shapes;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    shapes.push_back({experts, hidden});
    shapes.push_back({experts});
  }
  return shapes;
}

}  // namespace

at::Tensor pool_prompts(const at::Tensor& hidden, const model::FlatBatch& batch) {
  std::vector<at::Tensor> pooled;
  for (std::int64_t s = 0; s < batch.sequences(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    pooled.push_back(
        hidden.narrow(0, batch.cu_seqlens[i], batch.prompt_len[i]).mean(0, false, at::kFloat));  // [D]
  }
  return at::stack(pooled, 0);  // [S,D]
}

RouterGate::RouterGate(std::int64_t layers, std::int64_t hidden, std::int64_t experts)
    : parameters_(router_shapes(layers, hidden, experts)) {}

GateRows RouterGate::rows(std::int64_t layer, const at::Tensor& hidden, const model::FlatBatch& batch) const {
  const at::Tensor logits = at::addmm(bias(layer), pool_prompts(hidden, batch), weight(layer).t());  // [S,K]
  return {at::softmax(logits, -1), {}};
}

}  // namespace routedk::experts
