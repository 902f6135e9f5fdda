#include "int8_model.h"

#include "routedk/kernels/cpu/int8_products.h"
#include "routedk/kernels/values.h"
#include "routedk/model/rotary.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>

namespace routedk::decode {
namespace {

using kernels::cpu::Int8Panels;
using kernels::cpu::Int8Rows;
using kernels::cpu::kRanks;
using kernels::cpu::Team;
using LinearKind = model::Linear;

constexpr std::int64_t kDenseBlock = 32;  // of a dense head
constexpr std::int64_t kLargestBlock = 64;

/// The block size that the weights of linears with a common input can share.
std::int64_t common_block(const model::Layer& layer, model::Projection projection) {
  std::int64_t block = kLargestBlock;
  for (const LinearKind kind : model::linears_of(projection)) {
    block = std::min(block, Int8Panels::block_of(layer[kind].weight()));
  }
  return block;
}

Int8Panels panels_of_head(const kernels::Weight& head) {
  const std::int64_t block = Int8Panels::block_of(head);
  return block > 0 ? Int8Panels::from(head, block)
                   : Int8Panels::quantize(kernels::dequantize(head, at::kFloat), kDenseBlock);
}

}  // namespace

bool Int8Model::fits(const experts::RoutedModel& model) noexcept {
  const auto packed = [](const kernels::FrozenLinear& linear) {
    return Int8Panels::block_of(linear.weight()) > 0;
  };
  const auto& layers = model.backbone().layers();
  return model.backbone().device().is_cpu() &&
         std::all_of(layers.begin(), layers.end(), [&](const model::Layer& layer) {
           return std::all_of(layer.linears.begin(), layer.linears.end(), packed);
         });
}

/// Packs the factors of every expert for one linear.
void Int8Model::stack_factors(const experts::ExpertBank& bank, std::int64_t layer, LinearKind kind,
                              Linear& linear) {
  std::vector<at::Tensor> a;
  std::vector<at::Tensor> bt;
  linear.first_rank = {0};
  for (std::int64_t k = 0; k < bank.size(); ++k) {
    const experts::LoraFactors& f = bank[k].factors(layer, kind);
    std::int64_t padded = 0;
    if (f.a.defined()) {
      padded = (f.a.size(0) + kRanks - 1) / kRanks * kRanks;
      const auto pad = [&](const at::Tensor& x) {
        return at::constant_pad_nd(x.detach().to(at::kFloat), {0, 0, 0, padded - x.size(0)});
      };
      a.push_back(pad(f.a));
      bt.push_back(pad(f.bt));
    }
    linear.first_rank.push_back(linear.first_rank.back() + padded);
    linear.scale.push_back(static_cast<float>(f.scale));
  }
  if (!a.empty()) {
    linear.a = Int8Panels::quantize(at::cat(a, 0), linear.weight.block());
    const std::int64_t block = std::min<std::int64_t>(linear.first_rank.back(), kLargestBlock);
    linear.b = Int8Panels::quantize(at::cat(bt, 0).t(), block);
  }
}

Int8Model::Int8Model(const experts::RoutedModel& model)
    : model_(model),
      inverse_frequencies_(model::inverse_frequencies(model.backbone().config())),
      norm_(model.backbone().norm().to(at::kFloat)),
      head_(panels_of_head(model.backbone().head().weight())) {
  const at::NoGradGuard no_grad;
  const experts::ExpertBank& bank = model.bank();
  for (std::int64_t index = 0; index < model.backbone().config().layers; ++index) {
    const model::Layer& from = model.backbone().layers()[static_cast<std::size_t>(index)];
    Layer layer{from.attention_norm.to(at::kFloat), from.mlp_norm.to(at::kFloat), {}};
    for (int i = 0; i < model::kProjections; ++i) {
      const auto projection = static_cast<model::Projection>(i);
      for (const LinearKind kind : model::linears_of(projection)) {
        Linear& linear = layer.linears.at(static_cast<std::size_t>(kind));
        linear.weight = Int8Panels::from(from[kind].weight(), common_block(from, projection));
        linear.bias = from[kind].bias();
        if (linear.bias.defined()) {
          linear.bias = linear.bias.to(at::kFloat);
        }
        stack_factors(bank, index, kind, linear);
      }
    }
    layers_.push_back(std::move(layer));
  }
}

at::Tensor Int8Model::logits(const at::Tensor& hidden) const {
  const at::Tensor rows = hidden.contiguous();
  Int8Rows x(head_.block());
  x.resize(rows.size(0), rows.size(1));
  at::Tensor y = at::empty({rows.size(0), head_.out()}, at::kFloat);
  const auto from = kernels::values<float>(rows);
  const std::vector<kernels::cpu::Task> tasks = {
      {{{&head_, &x}}, kernels::mutable_values<float>(y).data(), 0, head_.panels()}};
  Team::run([&](Team::Member& member) {
    kernels::cpu::for_each_row(member, rows.size(0),
                               [&](std::int64_t r) { x.quantize(r, from.data() + r * rows.size(1)); });
    multiply(member, tasks);
  });
  return y;
}

std::int64_t Int8Model::bytes(bool experts) const {
  std::int64_t total = head_.bytes();
  for (const Layer& layer : layers_) {
    for (const Linear& linear : layer.linears) {
      total += linear.weight.bytes() + (experts ? linear.a.bytes() + linear.b.bytes() : 0);
    }
  }
  return total;
}

}  // namespace routedk::decode
