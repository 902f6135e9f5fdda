#include "routedk/decode/int8_model.h"
#include "routedk/model/rms_norm.h"
#include "routedk/model/swiglu.h"

#include <algorithm>

#include "int8_products.h"

namespace routedk::decode {
namespace {

using experts::GateRows;
using model::FlatBatch;
using quant::cpu::Int8Panels;
using quant::cpu::Int8Rows;
using quant::cpu::Team;
using Range = std::pair<std::int64_t, std::int64_t>;
using LinearKind = model::Linear;

constexpr std::int64_t kManyRows = 32;  // measured on 2 cores: at eight rows the other way is 1 % faster

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
      set_alpha(output.rows.back());
      layer(l);
    }
    output.hidden = at::empty_like(hidden);
    auto* last = output.hidden.data_ptr<float>();
    Team::run([&](Team::Member& member) {
      for_rows(member, tokens_,
               [&](std::int64_t r) { normalise(r, model_.norm_, last + r * config_.hidden); });
    });
    return output;
  }

 private:
  /// Which experts have any weight, and alpha as floats.
  void set_alpha(const GateRows& rows) {
    alpha_ = rows.alpha.contiguous();
    const std::int64_t experts = alpha_.size(1);
    alpha_values_ = alpha_.const_data_ptr<float>();
    active_.clear();
    for (std::int64_t k = 0; k < experts; ++k) {
      bool weighs = false;
      for (std::int64_t s = 0; s < alpha_.size(0); ++s) {
        weighs = weighs || alpha_values_[s * experts + k] != 0.0F;
      }
      if (weighs) {
        active_.push_back(static_cast<std::size_t>(k));
      }
    }
  }

  float alpha(std::int64_t row, std::size_t expert) const {
    return alpha_values_[sequence_[row] * alpha_.size(1) + static_cast<std::int64_t>(expert)];
  }

  void normalise(std::int64_t row, const at::Tensor& weight, float* to) const {
    model::rms_norm_row(hidden_ + row * config_.hidden, weight.const_data_ptr<float>(), to, config_.rms_eps,
                        config_.hidden);
  }

  /// A linear's input times A, weighed: what B is multiplied with.
  struct Narrow {
    const Linear* linear = nullptr;
    const Int8Rows* input = nullptr;
    std::vector<Range> ranks = {};  ///< those that weigh something
    Buffer memory;
    float* values = nullptr;  // [T,R]
    Int8Rows rows{kRanks};

    /// Of A that are read.
    std::int64_t bytes() const {
      std::int64_t panels = 0;
      for (const auto& [first, last] : ranks) {
        panels += (last - first) / kRanks;
      }
      return linear->a.panel_bytes() * panels;
    }
  };
  /// Linears that share their input: y = W x + b + sum_i alpha_i s_i B_i A_i x.
  struct Group {
    std::int64_t width;  ///< of the input
    Int8Rows input{kInputBlock};
    Buffer memory = {};
    float* rows = nullptr;  // [T,width]
    std::vector<Narrow*> narrow = {};
    std::vector<Task> first = {};   ///< beside A x: W x of few rows
    std::vector<Task> second = {};  ///< after A x
  };
  struct Wanted {
    LinearKind kind;
    float* y;  // [T,out]
  };
  void prepare(Group& group, const Layer& layer, std::initializer_list<Wanted> wanted);
  void prepare(Narrow& narrow, const Linear& linear, const Int8Rows& input) const;
  void find_active_ranks(Narrow& narrow) const;
  void narrow_rows(Narrow& narrow, std::int64_t first, std::int64_t last) const;
  void weigh_row(Narrow& narrow, std::int64_t row) const;

  /// Of many rows every thread computes A x for its own, and W x and what B makes of A x are summed at once.
  /// Of few, reading the matrices is what takes time: all threads share W and whole A's, then B. That a whole
  /// A is one thread's saves a barrier before it is weighed; with W beside it the others have enough to do as
  /// long as they are a few.
  bool many_rows() const { return tokens_ > kManyRows; }

  /// The group's products of what `fill` writes row by row.
  template <typename Fill>
  void run(Team::Member& member, Group& group, const Fill& fill) {
    const auto quantize = [&](std::int64_t r) {
      float* const row = group.rows + r * group.width;
      fill(r, row);
      group.input.quantize(r, row);
    };
    if (many_rows()) {
      member.share(tokens_, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r) {
          quantize(r);
        }
        for (Narrow* narrow : group.narrow) {
          narrow_rows(*narrow, first, last);
        }
      });
    } else {
      for_rows(member, tokens_, quantize);
      multiply_first(member, group);
    }
    if (!group.second.empty()) {
      multiply(member, group.second);
    }
  }

  void multiply_first(Team::Member& member, Group& group) const {
    std::int64_t total = total_bytes(group.first);
    for (const Narrow* narrow : group.narrow) {
      total += narrow->bytes();
    }
    member.share(total, [&](std::int64_t first, std::int64_t last) {
      Stretch stretch(first, last);
      for (Narrow* narrow : group.narrow) {
        stretch.take(1, narrow->bytes(),
                     [&](std::int64_t, std::int64_t) { narrow_rows(*narrow, 0, tokens_); });
      }
      multiply(stretch, group.first);
    });
  }

  void layer(std::int64_t index) {
    const Layer& layer = model_.layers_[static_cast<std::size_t>(index)];
    const std::int64_t head = config_.head_dim;
    const std::int64_t width = config_.heads * head;
    const std::int64_t kv_width = config_.kv_heads * head;
    const std::int64_t ffn = config_.ffn;
    float* const q = q_.resize(tokens_, width);
    float* const k = k_.resize(tokens_, kv_width);
    float* const v = v_.resize(tokens_, kv_width);
    float* const seen = seen_.resize(tokens_, width);
    float* const out = out_.resize(tokens_, config_.hidden);
    float* const gate = gate_.resize(tokens_, ffn);
    float* const up = up_.resize(tokens_, ffn);
    prepare(to_qkv_, layer, {{LinearKind::kQ, q}, {LinearKind::kK, k}, {LinearKind::kV, v}});
    prepare(to_o_, layer, {{LinearKind::kO, out}});
    prepare(to_ffn_, layer, {{LinearKind::kGate, gate}, {LinearKind::kUp, up}});
    prepare(to_down_, layer, {{LinearKind::kDown, out}});
    Team::run([&](Team::Member& member) {
      run(member, to_qkv_, [&](std::int64_t r, float* x) { normalise(r, layer.attention_norm, x); });
      for_rows(member, tokens_, [&](std::int64_t r) {
        const std::int64_t half = head / 2;
        const float* c = cosines_.const_data_ptr<float>() + r * half;
        const float* s = sines_.const_data_ptr<float>() + r * half;
        model::rotate_row(q + r * width, c, s, config_.heads, half);
        model::rotate_row(k + r * kv_width, c, s, config_.kv_heads, half);
        cache_.write(index, rows_.subspan(static_cast<std::size_t>(r), 1), k + r * kv_width,
                     v + r * kv_width);
      });
      cache_.attend(index, rows_, q, seen, member);
      run(member, to_o_, [&](std::int64_t r, float* x) { std::copy_n(seen + r * width, width, x); });
      run(member, to_ffn_, [&](std::int64_t r, float* x) {
        add_to_hidden(r, out);
        normalise(r, layer.mlp_norm, x);
      });
      run(member, to_down_,
          [&](std::int64_t r, float* x) { model::swiglu_row(gate + r * ffn, up + r * ffn, x, ffn); });
      for_rows(member, tokens_, [&](std::int64_t r) { add_to_hidden(r, out); });
    });
  }

  void add_to_hidden(std::int64_t row, const float* x) {
    for (std::int64_t i = row * config_.hidden; i < (row + 1) * config_.hidden; ++i) {
      hidden_[i] += x[i];
    }
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
  const float* alpha_values_ = nullptr;
  std::vector<std::size_t> active_;
  std::array<Narrow, model::kLinears> narrow_;
  Group to_qkv_{config_.hidden}, to_o_{config_.heads * config_.head_dim}, to_ffn_{config_.hidden},
      to_down_{config_.ffn};
  Buffer q_, k_, v_, seen_, out_, gate_, up_;
};

/// Memory and tasks of a layer's linears, so that nothing but arithmetic is left to the team.
void Int8Model::Pass::prepare(Group& group, const Layer& layer, std::initializer_list<Wanted> wanted) {
  group.input.resize(tokens_, group.width);
  group.rows = group.memory.resize(tokens_, group.width);
  group.first.clear();
  group.narrow.clear();
  group.second.clear();
  for (const Wanted& w : wanted) {
    const Linear& linear = layer.linears[static_cast<std::size_t>(w.kind)];
    Narrow& narrow = narrow_[static_cast<std::size_t>(w.kind)];
    prepare(narrow, linear, group.input);
    const Int8Panels::Term weight{&linear.weight, &group.input};
    Task product{{}, w.y, 0, linear.weight.panels()};
    product.bias = linear.bias.defined() ? linear.bias.const_data_ptr<float>() : nullptr;
    if (narrow.ranks.empty()) {
      product.terms = {weight};
      (many_rows() ? group.second : group.first).push_back(product);
      continue;
    }
    group.narrow.push_back(&narrow);
    if (many_rows()) {
      product.terms = {weight};
    } else {
      group.first.push_back({{weight}, w.y, 0, linear.weight.panels()});
      product.add = true;
    }
    product.terms.push_back(
        {&linear.b, &narrow.rows, narrow.ranks.front().first, narrow.ranks.back().second});
    group.second.push_back(product);
  }
}

/// Room for what A makes of all rows.
void Int8Model::Pass::prepare(Narrow& narrow, const Linear& linear, const Int8Rows& input) const {
  narrow.linear = &linear;
  narrow.input = &input;
  find_active_ranks(narrow);
  if (narrow.ranks.empty()) {
    return;
  }
  narrow.values = narrow.memory.resize(tokens_, linear.a.out());
  if (narrow.rows.block() != linear.b.block()) {
    narrow.rows = Int8Rows(linear.b.block());
  }
  narrow.rows.resize(tokens_, linear.a.out());
}

/// Ranges of ranks of neighbouring experts that weigh something.
void Int8Model::Pass::find_active_ranks(Narrow& narrow) const {
  std::vector<Range>& ranges = narrow.ranks;
  ranges.clear();
  for (const std::size_t e : active_) {
    const std::int64_t first = narrow.linear->first_rank[e];
    const std::int64_t last = narrow.linear->first_rank[e + 1];
    if (first < last && !ranges.empty() && ranges.back().second == first) {
      ranges.back().second = last;
    } else if (first < last) {
      ranges.emplace_back(first, last);
    }
  }
}

/// Some rows' A x, weighed.
void Int8Model::Pass::narrow_rows(Narrow& narrow, std::int64_t first, std::int64_t last) const {
  const Int8Panels& a = narrow.linear->a;
  const Int8Panels::Term term{&a, narrow.input};
  for (const auto& [first_rank, last_rank] : narrow.ranks) {
    Int8Panels::multiply(
        {&term, 1},
        {.first = first_rank / kRanks, .last = last_rank / kRanks, .first_row = first, .last_row = last},
        narrow.values, a.out());
  }
  for (std::int64_t r = first; r < last; ++r) {
    weigh_row(narrow, r);
  }
}

/// What A made of a row, times alpha and scale, in 8 bits.
void Int8Model::Pass::weigh_row(Narrow& narrow, std::int64_t row) const {
  const Linear& linear = *narrow.linear;
  c10::SmallVector<float, 8> weights;  // of each 16 ranks
  for (std::size_t e = 0; e < linear.scale.size(); ++e) {
    const std::int64_t ranks = linear.first_rank[e + 1] - linear.first_rank[e];
    weights.append(static_cast<std::size_t>(ranks / kRanks), alpha(row, e) * linear.scale[e]);
  }
  narrow.rows.quantize(row, narrow.values + row * linear.a.out(), weights.data());
}

experts::RoutedOutput Int8Model::forward(const FlatBatch& batch, const experts::Gate& gate,
                                         std::span<const CacheRow> rows, KvCache& cache) const {
  return Pass(*this, batch, rows, cache).run(gate);
}

}  // namespace routedk::decode
