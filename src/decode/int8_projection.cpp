#include "int8_projection.h"

#include "routedk/kernels/values.h"

#include <algorithm>

#include <c10/util/SmallVector.h>

namespace routedk::decode {
namespace {

using kernels::cpu::Int8Panels;
using kernels::cpu::kRanks;
using kernels::cpu::Task;

constexpr std::int64_t kManyRows = 32;  // measured on 2 cores: at eight rows the other way is 1 % faster
constexpr std::int64_t kOwnRows = 2;

}  // namespace

bool own_rows(std::int64_t tokens) noexcept {
  return tokens <= kOwnRows && at::get_num_threads() > 1;
}

LayerAlpha::LayerAlpha(const at::Tensor& alpha, std::span<const std::int64_t> seq_of_token)
    : alpha_(alpha.contiguous()),
      values_(kernels::values<float>(alpha_)),
      seq_of_token_(seq_of_token),
      experts_(static_cast<std::size_t>(alpha.size(1))) {
  for (std::size_t expert = 0; expert < experts_; ++expert) {
    bool weighs = false;
    for (std::size_t i = expert; i < values_.size(); i += experts_) {
      weighs = weighs || values_[i] != 0.0F;
    }
    if (weighs) {
      active_.push_back(expert);
    }
  }
}

void Int8LoraDown::prepare(const Int8Model::Linear& linear, const LayerAlpha& alpha, std::int64_t tokens) {
  linear_ = &linear;
  alpha_ = &alpha;
  ranks_.clear();
  for (const std::size_t expert : alpha.active()) {
    const std::int64_t first = linear.first_rank[expert];
    const std::int64_t last = linear.first_rank[expert + 1];
    if (first < last && !ranks_.empty() && ranks_.back().second == first) {
      ranks_.back().second = last;
    } else if (first < last) {
      ranks_.emplace_back(first, last);
    }
  }
  if (ranks_.empty()) {
    return;
  }
  values_ = memory_.resize(tokens, linear.a.out());
  if (rows_.block() != linear.b.block()) {
    rows_ = kernels::cpu::Int8Rows(linear.b.block());
  }
  rows_.resize(tokens, linear.a.out());
}

std::int64_t Int8LoraDown::bytes() const {
  std::int64_t panels = 0;
  for (const auto& [first, last] : ranks_) {
    panels += (last - first) / kRanks;
  }
  return linear_->a.panel_bytes() * panels;
}

void Int8LoraDown::compute(const kernels::cpu::Int8Rows& input, std::int64_t first, std::int64_t last) {
  const Int8Panels& a = linear_->a;
  const Int8Panels::Term term{&a, &input};
  for (const auto& [first_rank, last_rank] : ranks_) {
    Int8Panels::multiply(
        {&term, 1},
        {.first = first_rank / kRanks, .last = last_rank / kRanks, .first_row = first, .last_row = last},
        values_, a.out());
  }
  for (std::int64_t row = first; row < last; ++row) {
    scale_row(row);
  }
}

/// The product of A and a row, times alpha and scale, in 8 bits.
void Int8LoraDown::scale_row(std::int64_t row) {
  c10::SmallVector<float, 8> weights;  // for each 16 ranks
  for (std::size_t e = 0; e < linear_->scale.size(); ++e) {
    const std::int64_t ranks = linear_->first_rank[e + 1] - linear_->first_rank[e];
    weights.append(static_cast<std::size_t>(ranks / kRanks), alpha_->at(row, e) * linear_->scale[e]);
  }
  rows_.quantize(row, values_ + row * linear_->a.out(), weights.data());
}

void Int8Projection::Input::resize(std::int64_t tokens, std::int64_t width, std::int64_t block) {
  if (rows.block() != block) {
    rows = kernels::cpu::Int8Rows(block);
  }
  rows.resize(tokens, width);
  values = memory.resize(tokens, width);
}

bool Int8Projection::many_rows() const noexcept {
  return tokens_ > kManyRows;
}

void Int8Projection::prepare(const Int8Model::Layer& layer, std::span<const model::Linear> linears,
                             const LayerAlpha& alpha, std::int64_t tokens) {
  const auto linear_of = [&](std::size_t i) -> const Int8Model::Linear& {
    return layer.linears[static_cast<std::size_t>(linears[i])];
  };
  tokens_ = tokens;
  width_ = linear_of(0).weight.in();
  block_ = linear_of(0).weight.block();
  own_ = own_rows(tokens);
  if (own_) {
    inputs_.resize(static_cast<std::size_t>(at::get_num_threads()));
  } else {
    inputs_.resize(1);
    inputs_[0].resize(tokens, width_, block_);
  }
  active_.clear();
  first_.clear();
  second_.clear();
  for (std::size_t i = 0; i < linears.size(); ++i) {
    const Int8Model::Linear& linear = linear_of(i);
    outputs_[i] = output_memory_[i].resize(tokens, linear.weight.out());
    downs_[i].prepare(linear, alpha, tokens);
    add_linear(linear, outputs_[i], downs_[i]);
  }
}

// NOLINTNEXTLINE(readability-non-const-parameter): clang-tidy 14 does not see y in the braces below
void Int8Projection::add_linear(const Int8Model::Linear& linear, float* y, Int8LoraDown& down) {
  const Int8Panels::Term weight{&linear.weight, nullptr};  // x is set for the multiplication
  Task product{{}, y, 0, linear.weight.panels()};
  product.bias = linear.bias.defined() ? kernels::values<float>(linear.bias).data() : nullptr;
  if (down.ranks().empty()) {
    product.terms = {weight};
    (many_rows() ? second_ : first_).push_back(product);
    return;
  }
  active_.push_back(&down);
  if (many_rows()) {
    product.terms = {weight};
  } else {
    first_.push_back({{weight}, y, 0, linear.weight.panels()});
    product.add = true;
  }
  product.terms.push_back({&linear.b, &down.rows(), down.ranks().front().first, down.ranks().back().second});
  second_.push_back(product);
}

void Int8Projection::multiply_first(kernels::cpu::Team::Member& member, const kernels::cpu::Int8Rows& input) {
  std::int64_t total = kernels::cpu::total_bytes(first_);
  for (const Int8LoraDown* down : active_) {
    total += down->bytes();
  }
  member.share(total, [&](std::int64_t first, std::int64_t last) {
    kernels::cpu::WorkSlice slice(first, last);
    for (Int8LoraDown* down : active_) {
      slice.take(1, down->bytes(), [&](std::int64_t, std::int64_t) { down->compute(input, 0, tokens_); });
    }
    kernels::cpu::multiply(slice, first_, &input);
  });
}

}  // namespace routedk::decode
