#include "routedk/decode/int8_model.h"

#include "routedk/model/rms_norm.h"
#include "routedk/model/swiglu.h"

#include <algorithm>

#include <ATen/Parallel.h>

namespace routedk::decode {
namespace {

using experts::GateRows;
using model::FlatBatch;
using quant::cpu::Int8Panels;
using quant::cpu::Int8Rows;
using LinearKind = model::Linear;

constexpr std::int64_t kHeadBlock = 32;    // Q8_0's
constexpr std::int64_t kInputBlock = 64;   // NF4's
constexpr std::int64_t kNarrowBlock = 16;  // the commonest rank

/// Rows that one thread gets at least: less is not worth waking another.
constexpr std::int64_t kRowGrain = 8;

/// One product: all panels of y = x W^T.
struct Product {
  const Int8Panels* weight;
  const Int8Rows* x;
  float* y;
};

/// Calls each(product, first, last) for ranges of panels of all products together.
template <typename Each>
void for_panels(const std::vector<Product>& products, const Each& each) {
  std::int64_t total = 0;
  for (const Product& p : products) {
    total += p.weight->panels();
  }
  at::parallel_for(0, total, 1, [&](std::int64_t first, std::int64_t last) {
    std::int64_t begin = 0;
    for (const Product& p : products) {
      const std::int64_t end = begin + p.weight->panels();
      if (std::max(first, begin) < std::min(last, end)) {
        each(p, std::max(first, begin) - begin, std::min(last, end) - begin);
      }
      begin = end;
    }
  });
}

void multiply(const std::vector<Product>& products) {
  for_panels(products, [](const Product& p, std::int64_t first, std::int64_t last) {
    p.weight->multiply(*p.x, first, last, p.y, p.weight->out(), false);
  });
}

template <typename Row>
void for_rows(std::int64_t rows, const Row& row) {
  at::parallel_for(0, rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      row(r);
    }
  });
}

/// [rows,width] of floats that grows and is used again.
class Buffer {
 public:
  float* resize(std::int64_t rows, std::int64_t width) {
    if (!memory_.defined() || memory_.numel() < rows * width) {
      memory_ = at::empty({rows * width}, at::kFloat);
    }
    return memory_.data_ptr<float>();
  }

 private:
  at::Tensor memory_;
};

}  // namespace

bool Int8Model::fits(const experts::RoutedModel& model) noexcept {
  const auto packed = [](const quant::FrozenLinear& linear) {
    return linear.packed() && Int8Panels::fits(*linear.packed_weight());
  };
  const auto& layers = model.backbone().layers();
  return std::all_of(layers.begin(), layers.end(), [&](const model::Layer& layer) {
    return std::all_of(layer.linears.begin(), layer.linears.end(), packed);
  });
}

Int8Model::Int8Model(const experts::RoutedModel& model)
    : model_(model),
      inverse_frequencies_(model::inverse_frequencies(model.backbone().config())),
      embedding_(model.backbone().embedding()),
      norm_(model.backbone().norm().to(at::kFloat)),
      head_(Int8Panels::quantize(model.backbone().head(), kHeadBlock)) {
  const at::NoGradGuard no_grad;
  const experts::ExpertBank& bank = model.bank();
  for (std::int64_t index = 0; index < model.backbone().config().layers; ++index) {
    const model::Layer& from = model.backbone().layers()[static_cast<std::size_t>(index)];
    Layer layer{from.attention_norm.to(at::kFloat), from.mlp_norm.to(at::kFloat), {}};
    for (std::size_t i = 0; i < model::kLinears; ++i) {
      Linear& linear = layer.linears.at(i);
      linear.weight = Int8Panels::from_nf4(*from.linears.at(i).packed_weight());
      linear.bias = from.linears.at(i).bias();
      if (linear.bias.defined()) {
        linear.bias = linear.bias.to(at::kFloat);
      }
      for (std::int64_t k = 0; k < bank.size(); ++k) {
        const experts::LoraFactors& f = bank[k].factors(index, static_cast<LinearKind>(i));
        linear.experts.push_back(f.a.defined()
                                     ? Factors{Int8Panels::quantize(f.a.detach(), kInputBlock),
                                               Int8Panels::quantize(f.bt.detach().t(), kNarrowBlock),
                                               static_cast<float>(f.scale)}
                                     : Factors{});
      }
    }
    layers_.push_back(std::move(layer));
  }
}

/// One forward pass over T rows.
class Int8Model::Pass {
 public:
  Pass(const Int8Model& model, const FlatBatch& batch, std::span<const CacheRow> rows, KvCache& cache)
      : model_(model),
        config_(model.model_.backbone().config()),
        batch_(batch),
        rows_(rows),
        cache_(cache),
        tokens_(batch.tokens()),
        sequence_(batch.seq_of_token.const_data_ptr<std::int64_t>()) {
    const at::Tensor angles =
        at::outer(batch.positions.to(at::kFloat), model.inverse_frequencies_);  // [T,C/2]
    cosines_ = angles.cos();
    sines_ = angles.sin();
  }

  experts::RoutedOutput run(const experts::Gate& gate) {
    const at::Tensor hidden = model_.embedding_.index_select(0, batch_.ids).to(at::kFloat);  // [T,D]
    hidden_ = hidden.data_ptr<float>();
    experts::RoutedOutput output;
    for (std::int64_t l = 0; l < config_.layers; ++l) {
      output.rows.push_back(l > 0 && gate.same_in_all_layers() ? output.rows[0]
                                                               : gate.rows(l, hidden, batch_));
      weigh(output.rows.back());
      layer(l);
    }
    output.hidden = at::empty_like(hidden);
    auto* last = output.hidden.data_ptr<float>();
    for_rows(tokens_, [&](std::int64_t r) { normalise(r, model_.norm_, last + r * config_.hidden); });
    return output;
  }

 private:
  /// Which experts have any weight, and alpha as floats.
  void weigh(const GateRows& rows) {
    alpha_ = rows.alpha.contiguous();
    const std::int64_t experts = alpha_.size(1);
    const auto* alpha = alpha_.const_data_ptr<float>();
    active_.clear();
    for (std::int64_t k = 0; k < experts; ++k) {
      bool weighs = false;
      for (std::int64_t s = 0; s < alpha_.size(0); ++s) {
        weighs = weighs || alpha[s * experts + k] != 0.0F;
      }
      if (weighs) {
        active_.push_back(static_cast<std::size_t>(k));
      }
    }
  }

  float alpha(std::int64_t row, std::size_t expert) const {
    return alpha_
        .const_data_ptr<float>()[sequence_[row] * alpha_.size(1) + static_cast<std::int64_t>(expert)];
  }

  void normalise(std::int64_t row, const at::Tensor& weight, float* to) const {
    model::rms_norm_row(hidden_ + row * config_.hidden, weight.const_data_ptr<float>(), to, config_.rms_eps,
                        config_.hidden);
  }

  /// Input of the next products: row by row what `fill` writes, in 8 bits.
  template <typename Fill>
  void input(std::int64_t width, const Fill& fill) {
    input_.resize(tokens_, width);
    float* const rows = float_input_.resize(tokens_, width);
    for_rows(tokens_, [&](std::int64_t r) {
      fill(r, rows + r * width);
      input_.quantize(r, rows + r * width);
    });
  }

  struct Wanted {
    LinearKind kind;
    float* y;  // [T,out]
  };
  /// y = W x + b + sum_i alpha_i s_i B_i A_i x of linears that share their input.
  void linears(const Layer& layer, std::initializer_list<Wanted> wanted);
  void add_deltas(std::initializer_list<Wanted> wanted, const Layer& layer);

  void layer(std::int64_t index) {
    const Layer& layer = model_.layers_[static_cast<std::size_t>(index)];
    const std::int64_t head = config_.head_dim;
    const std::int64_t width = config_.heads * head;
    const std::int64_t kv_width = config_.kv_heads * head;
    float* const q = q_.resize(tokens_, width);
    float* const k = k_.resize(tokens_, kv_width);
    float* const v = v_.resize(tokens_, kv_width);
    input(config_.hidden, [&](std::int64_t r, float* x) { normalise(r, layer.attention_norm, x); });
    linears(layer, {{LinearKind::kQ, q}, {LinearKind::kK, k}, {LinearKind::kV, v}});
    for_rows(tokens_, [&](std::int64_t r) {
      const std::int64_t half = head / 2;
      const float* c = cosines_.const_data_ptr<float>() + r * half;
      const float* s = sines_.const_data_ptr<float>() + r * half;
      model::rotate_row(q + r * width, c, s, config_.heads, half);
      model::rotate_row(k + r * kv_width, c, s, config_.kv_heads, half);
    });
    cache_.write(index, rows_, k, v);
    float* const seen = seen_.resize(tokens_, width);
    cache_.attend(index, rows_, q, seen);
    input(width, [&](std::int64_t r, float* x) { std::copy_n(seen + r * width, width, x); });
    float* const out = out_.resize(tokens_, config_.hidden);
    linears(layer, {{LinearKind::kO, out}});
    add_to_hidden(out);
    input(config_.hidden, [&](std::int64_t r, float* x) { normalise(r, layer.mlp_norm, x); });
    const std::int64_t ffn = config_.ffn;
    float* const gate = gate_.resize(tokens_, ffn);
    float* const up = up_.resize(tokens_, ffn);
    linears(layer, {{LinearKind::kGate, gate}, {LinearKind::kUp, up}});
    input(ffn, [&](std::int64_t r, float* x) { model::swiglu_row(gate + r * ffn, up + r * ffn, x, ffn); });
    linears(layer, {{LinearKind::kDown, out}});
    add_to_hidden(out);
  }

  void add_to_hidden(const float* x) {
    for_rows(tokens_, [&](std::int64_t r) {
      for (std::int64_t i = r * config_.hidden; i < (r + 1) * config_.hidden; ++i) {
        hidden_[i] += x[i];
      }
    });
  }

  const Int8Model& model_;
  const model::LlamaConfig& config_;
  const FlatBatch& batch_;
  std::span<const CacheRow> rows_;
  KvCache& cache_;
  std::int64_t tokens_;
  const std::int64_t* sequence_;
  float* hidden_ = nullptr;  // [T,D]
  at::Tensor cosines_, sines_;
  at::Tensor alpha_;  // [S,K]
  std::vector<std::size_t> active_;
  Int8Rows input_{kInputBlock};
  std::vector<Int8Rows> narrow_;
  Buffer float_input_, q_, k_, v_, seen_, out_, gate_, up_;
  std::vector<Buffer> narrow_floats_;
};

void Int8Model::Pass::linears(const Layer& layer, std::initializer_list<Wanted> wanted) {
  std::vector<Product> products;
  narrow_floats_.resize(wanted.size() * active_.size());
  std::size_t slot = 0;
  for (const Wanted& w : wanted) {
    const Linear& linear = layer.linears[static_cast<std::size_t>(w.kind)];
    products.push_back({&linear.weight, &input_, w.y});
    for (const std::size_t e : active_) {
      Buffer& narrow = narrow_floats_[slot++];
      if (linear.experts[e].a.defined()) {
        const Int8Panels& a = linear.experts[e].a;
        products.push_back({&a, &input_, narrow.resize(tokens_, a.out())});
      }
    }
  }
  multiply(products);
  if (!active_.empty()) {
    add_deltas(wanted, layer);
  }
  for (const Wanted& w : wanted) {
    const Linear& linear = layer.linears[static_cast<std::size_t>(w.kind)];
    if (linear.bias.defined()) {
      const auto* bias = linear.bias.const_data_ptr<float>();
      const std::int64_t out = linear.weight.out();
      for_rows(tokens_, [&](std::int64_t r) {
        std::transform(bias, bias + out, w.y + r * out, w.y + r * out, std::plus<>());
      });
    }
  }
}

/// What A made of the input, weighed and in 8 bits, times B.
void Int8Model::Pass::add_deltas(std::initializer_list<Wanted> wanted, const Layer& layer) {
  narrow_.resize(std::max(narrow_.size(), wanted.size() * active_.size()), Int8Rows(kNarrowBlock));
  std::vector<Product> outputs;
  std::size_t slot = 0;
  for (const Wanted& w : wanted) {
    const Linear& linear = layer.linears[static_cast<std::size_t>(w.kind)];
    outputs.push_back({&linear.weight, nullptr, w.y});
    for (const std::size_t e : active_) {
      const Factors& f = linear.experts[e];
      if (f.a.defined()) {
        const std::int64_t rank = f.a.out();
        float* const x = narrow_floats_[slot].resize(tokens_, rank);
        Int8Rows& to = narrow_[slot];
        to.resize(tokens_, rank);
        for_rows(tokens_, [&](std::int64_t r) {
          const float weight = alpha(r, e) * f.scale;
          for (std::int64_t i = r * rank; i < (r + 1) * rank; ++i) {
            x[i] *= weight;
          }
          to.quantize(r, x + r * rank);
        });
      }
      ++slot;
    }
  }
  const Product* const begin = outputs.data();
  for_panels(outputs, [&](const Product& p, std::int64_t first, std::int64_t last) {
    const auto which = static_cast<std::size_t>(&p - begin);
    const Linear& linear = layer.linears[static_cast<std::size_t>((wanted.begin() + which)->kind)];
    for (std::size_t i = 0; i < active_.size(); ++i) {
      const Factors& f = linear.experts[active_[i]];
      if (f.b.defined()) {
        f.b.multiply(narrow_[which * active_.size() + i], first, last, p.y, f.b.out(), true);
      }
    }
  });
}

experts::RoutedOutput Int8Model::forward(const FlatBatch& batch, const experts::Gate& gate,
                                         std::span<const CacheRow> rows, KvCache& cache) const {
  return Pass(*this, batch, rows, cache).run(gate);
}

at::Tensor Int8Model::logits(const at::Tensor& hidden) const {
  const at::Tensor rows = hidden.contiguous();
  Int8Rows x(kHeadBlock);
  x.resize(rows.size(0), rows.size(1));
  for_rows(rows.size(0),
           [&](std::int64_t r) { x.quantize(r, rows.const_data_ptr<float>() + r * rows.size(1)); });
  at::Tensor y = at::empty({rows.size(0), head_.out()}, at::kFloat);
  multiply({{&head_, &x, y.mutable_data_ptr<float>()}});
  return y;
}

std::int64_t Int8Model::bytes() const noexcept {
  std::int64_t total = head_.bytes();
  for (const Layer& layer : layers_) {
    for (const Linear& linear : layer.linears) {
      total += linear.weight.bytes();
      for (const Factors& f : linear.experts) {
        total += f.a.bytes() + f.b.bytes();
      }
    }
  }
  return total;
}

}  // namespace routedk::decode
