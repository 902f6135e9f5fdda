#include "step_launches.h"

#include <utility>

#include "tensors.h"

namespace routedk::kernels::cuda {

StepLaunches::StepLaunches(const StepWeights& weights, const StepInputs& inputs, const StepMemory& memory)
    : weights_(weights),
      inputs_(inputs),
      memory_(memory),
      width_(static_cast<int>(weights.shape.hidden)),
      epsilon_(static_cast<float>(weights.shape.epsilon)),
      hidden_(mutable_data<float>(memory.hidden)),
      other_hidden_(mutable_data<float>(memory.second_hidden)) {}

void StepLaunches::launch(Stream stream) {
  start(stream);
  for (std::int64_t l = 0; l < weights_.shape.layers; ++l) {
    launch_layer(l, stream);
  }
  add_norm(weights_.norm, memory_.plan.products[kDown].splits, mutable_data<float>(memory_.normed), stream);
  head(stream);
}

void StepLaunches::start(Stream stream) const {
  launch_step_start({inputs_.rows.view(), data<std::uint16_t>(weights_.embedding),
                     data<float>(weights_.inverse_frequencies), hidden_, mutable_data<float2>(memory_.angles),
                     mutable_data<int>(memory_.counters), static_cast<int>(memory_.counters.numel()),
                     memory_.rows, width_, static_cast<int>(weights_.shape.head_dim / 2)},
                    stream);
}

void StepLaunches::launch_layer(std::int64_t l, Stream stream) {
  const auto& products = memory_.plan.products;
  project_normed(l, kQkv, layer_at(l).attention_norm, l > 0 ? products[kDown].splits : 0, stream);
  attend(l, stream);
  project_normed(l, kGateUp, layer_at(l).mlp_norm, products[kO].splits, stream);
  gate(l, stream);
}

void StepLaunches::project_normed(std::int64_t layer, std::size_t projection, const at::Tensor& gain,
                                  int parts, Stream stream) {
  RowParts source;
  if (memory_.plan.sources.at(projection) == RowSource::kNorm) {
    source.parts = data<float>(memory_.y[1]);
    source.count = parts;
    source.width = width_;
    source.hidden = hidden_;
    source.new_hidden = other_hidden_;
    source.gain = data<float>(gain);
    source.epsilon = epsilon_;
    std::swap(hidden_, other_hidden_);
  } else {
    add_norm(gain, parts, nullptr, stream);
  }
  project(layer, projection, source, stream);
}

void StepLaunches::add_norm(const at::Tensor& gain, int parts, float* normed, Stream stream) const {
  launch_add_norm({hidden_, data<float>(memory_.y[1]), parts, data<float>(gain),
                   mutable_data<std::uint16_t>(memory_.x_hidden), normed, memory_.rows, width_, epsilon_},
                  stream);
}

void StepLaunches::attend(std::int64_t layer, Stream stream) const {
  const DecodeAttention op = attention(layer);
  launch_decode_attention(op, stream);
  RowParts source;
  if (memory_.plan.sources[kO] == RowSource::kAttention) {
    source.parts = op.sums;
    source.states = op.states;
    source.counted = op.tables.parts;
    source.heads = op.shape.heads;
    source.width = op.shape.heads * op.shape.size;
  } else {
    launch_join_attention(op, mutable_data<std::uint16_t>(memory_.x_attended), stream);
  }
  project(layer, kO, source, stream);
}

void StepLaunches::gate(std::int64_t layer, Stream stream) const {
  const auto ffn = static_cast<int>(weights_.shape.ffn);
  const int parts = memory_.plan.products[kGateUp].splits;
  RowParts source;
  if (memory_.plan.sources[kDown] == RowSource::kSwiglu) {
    source.parts = data<float>(memory_.y[0]);
    source.count = parts;
    source.width = ffn;
  } else {
    launch_gate_up(
        {data<float>(memory_.y[0]), parts, mutable_data<std::uint16_t>(memory_.x_gated), memory_.rows, ffn},
        stream);
  }
  project(layer, kDown, source, stream);
}

void StepLaunches::head(Stream stream) const {
  DecodeProduct p = head_product_of(weights_, memory_.rows);
  p.x = data<std::uint16_t>(memory_.x_hidden);
  p.y = mutable_data<float>(memory_.logits);
  launch_decode_product(p, memory_.plan.head, stream);
  const int splits = memory_.plan.head.splits;
  if (splits > 1) {
    launch_sum_parts(p.y, splits, memory_.logits.numel() / splits, stream);
  }
}

void StepLaunches::project(std::int64_t layer, std::size_t projection, const RowParts& source,
                           Stream stream) const {
  DecodeProduct p = product(layer, projection);
  p.source = source;
  launch_decode_product(p, memory_.plan.sources.at(projection), memory_.plan.products.at(projection), stream);
}

DecodeProduct StepLaunches::product(std::int64_t layer, std::size_t projection) const {
  const StepMemory& m = memory_;
  DecodeProduct p = product_of(layer_at(layer).projections.at(projection), m.rows);
  p.x = data<std::uint16_t>(projection == kO ? m.x_attended : projection == kDown ? m.x_gated : m.x_hidden);
  p.y = mutable_data<float>(m.y.at(projection % 2));
  p.adapter.alpha = data<float>(inputs_.alpha) + layer * inputs_.alpha.stride(0);
  p.adapter.sequence = inputs_.rows.sequences();
  p.adapter.experts = static_cast<int>(weights_.shape.experts);
  p.adapter.down = mutable_data<float>(m.down);
  p.adapter.done = mutable_data<int>(m.counters) + layer * 4 + static_cast<std::int64_t>(projection);
  return p;
}

DecodeAttention StepLaunches::attention(std::int64_t layer) const {
  DecodeAttention op;
  op.tables = inputs_.rows.view();
  op.shape = head_shape(weights_.shape);
  op.rows = memory_.rows;
  op.chunk_room = static_cast<int>(inputs_.rows.chunk_room());
  op.prompts = inputs_.cache.prompts(layer);
  op.own = inputs_.cache.own(layer);
  op.qkv = data<float>(memory_.y[0]);
  op.count = memory_.plan.products[kQkv].splits;
  op.angles = data<float2>(memory_.angles);
  op.q = mutable_data<std::uint16_t>(memory_.q);
  op.sums = mutable_data<float>(memory_.sums);
  op.states = mutable_data<float2>(memory_.states);
  return op;
}

}  // namespace routedk::kernels::cuda
