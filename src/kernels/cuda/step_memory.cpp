#include "step_memory.h"

#include <algorithm>

#include "graph_launch.h"

namespace routedk::kernels::cuda {
namespace {

constexpr std::int64_t kPartsOfDown = 16;  // most splits * pieces

at::Tensor floats_on(at::Device device, at::IntArrayRef sizes) {
  return at::empty(sizes, at::TensorOptions(device).dtype(at::kFloat));
}

/// x with that many columns: [K/8][M][8], K padded with zeros.
at::Tensor row_panels(at::Device device, std::int64_t columns, std::int64_t rows) {
  return at::zeros({(columns + 127) / 128 * 16, rows, 8}, at::TensorOptions(device).dtype(at::kBFloat16));
}

}  // namespace

HeadShape head_shape(const StepShape& shape) {
  return {static_cast<int>(shape.heads), static_cast<int>(shape.kv_heads), static_cast<int>(shape.head_dim)};
}

DecodeProduct product_of(const PackedLinears& linears, int rows) {
  DecodeProduct p;
  p.weight = linears.weight.view();
  p.adapter = linears.adapter();
  p.rows = rows;
  return p;
}

DecodeProduct head_product_of(const StepWeights& weights, int rows) {
  DecodeProduct p;
  p.weight = weights.head.view();
  p.rows = rows;
  return p;
}

std::optional<StepPlan> plan_step(const StepWeights& weights, int rows) {
  constexpr std::array<RowSource, 4> kSources = {RowSource::kNorm, RowSource::kAttention, RowSource::kNorm,
                                                 RowSource::kSwiglu};
  if (decode_attention_bytes(head_shape(weights.shape), rows) > most_shared()) {
    return {};
  }
  StepPlan plan;
  for (std::size_t i = 0; i < 4; ++i) {
    const DecodeProduct p = product_of(weights.widest(i), rows);
    plan.sources.at(i) = kSources.at(i);
    plan.products.at(i) = rows == 1 ? plan_product(p, kSources.at(i)) : ProductPlan{};
    if (plan.products.at(i).variant < 0) {  // a separate launch computes the rows
      plan.sources.at(i) = RowSource::kMemory;
      plan.products.at(i) = plan_product(p);
    }
  }
  plan.head = plan_product(head_product_of(weights, rows));
  const auto none = [](const ProductPlan& product) { return product.variant < 0; };
  if (none(plan.head) || std::any_of(plan.products.begin(), plan.products.end(), none)) {
    return {};
  }
  return plan;
}

StepMemory::StepMemory(const StepWeights& weights, const StepPlan& chosen, int row_count,
                       std::int64_t chunk_room)
    : rows(row_count), plan(chosen) {
  const StepShape& shape = weights.shape;
  const at::Device device = weights.device;
  const std::int64_t attended = shape.heads * shape.head_dim;
  hidden = floats_on(device, {rows, shape.hidden});
  second_hidden = floats_on(device, {rows, shape.hidden});
  normed = floats_on(device, {rows, shape.hidden});
  x_hidden = row_panels(device, shape.hidden, rows);
  x_attended = row_panels(device, attended, rows);
  x_gated = row_panels(device, shape.ffn, rows);
  counters = at::zeros({shape.layers * 4}, at::TensorOptions(device).dtype(at::kInt));
  angles = floats_on(device, {rows, shape.head_dim / 2, 2});
  q = at::zeros({rows, attended}, at::TensorOptions(device).dtype(at::kBFloat16));
  const std::int64_t parts = chunk_room + 1;
  sums = floats_on(device, {parts, rows, attended});
  states = floats_on(device, {parts, rows, shape.heads, 2});
  make_outputs(weights);
}

void StepMemory::make_outputs(const StepWeights& weights) {
  std::int64_t widest = 0;
  std::int64_t widest_down = 1;
  for (std::size_t i = 0; i < 4; ++i) {
    const PackedLinears& linears = weights.widest(i);
    widest = std::max(widest, plan.products.at(i).splits * linears.weight.rows);
    widest_down = std::max(widest_down, linears.width());
  }
  y = {floats_on(weights.device, {widest, rows}), floats_on(weights.device, {widest, rows})};
  down = floats_on(weights.device, {kPartsOfDown * widest_down, rows});
  logits = floats_on(weights.device, {plan.head.splits, rows, weights.head.rows});
}

}  // namespace routedk::kernels::cuda
