#include "int8_engine.h"

#include "routedk/kernels/cpu/cached_attention.h"
#include "routedk/kernels/cpu/row_operations.h"
#include "routedk/kernels/values.h"
#include "routedk/model/rotary.h"

#include <algorithm>
#include <array>
#include <functional>

#include "int8_projection.h"
#include <fmt/format.h>

namespace routedk::decode {
namespace {

using kernels::values;
using kernels::cpu::for_each_row;
using kernels::cpu::Team;
using model::Norm;
using model::Projection;

/// One forward pass over T rows.
class Pass {
 public:
  Pass(const Int8Model& model, const model::FlatBatch& batch, std::span<const kernels::CacheRow> rows,
       kernels::KvCache& cache)
      : model_(model),
        config_(model.model().backbone().config()),
        batch_(batch),
        rows_(rows),
        cache_(cache),
        attention_(cache, rows),
        tokens_(batch.tokens()),
        own_(own_rows(tokens_)) {
    const at::Tensor angles =
        at::outer(batch.positions.to(at::kFloat), model.inverse_frequencies());  // [T,C/2]
    cosines_ = angles.cos();
    sines_ = angles.sin();
  }

  experts::RoutedOutput run(const experts::Gate& gate) {
    const at::Tensor embedded = model_.model().backbone().embed(batch_.ids).to(at::kFloat);  // [T,D]
    const std::int64_t copies = own_ ? at::get_num_threads() : 1;
    const at::Tensor copied = embedded.unsqueeze(0).expand({copies, -1, -1}).contiguous();
    hidden_ = kernels::mutable_values<float>(copied).data();
    const at::Tensor hidden = copied[0];
    experts::RoutedOutput output;
    for (std::int64_t l = 0; l < config_.layers; ++l) {
      output.rows.push_back(l > 0 && gate.same_in_all_layers() ? output.rows[0]
                                                               : gate.rows(l, hidden, batch_));
      layer(l, output.rows.back().alpha);
    }
    output.hidden = at::empty_like(hidden);
    float* const last = kernels::mutable_values<float>(output.hidden).data();
    const float* const weight = values<float>(model_.norm()).data();
    Team::run([&](Team::Member& member) {
      for_each_row(member, tokens_, [&](std::int64_t r) {
        normalise(hidden_ + r * config_.hidden, weight, last + r * config_.hidden);
      });
    });
    return output;
  }

 private:
  class LayerEngine;

  void layer(std::int64_t index, const at::Tensor& alpha);

  void normalise(const float* row, const float* weight, float* to) const {
    kernels::cpu::rms_norm_row(row, weight, to, config_.rms_eps, config_.hidden);
  }

  /// The calling thread's hidden states [T,D].
  float* hidden_of(const Team::Member& member) const {
    return own_ ? hidden_ + member.place() * tokens_ * config_.hidden : hidden_;
  }

  const Int8Model& model_;
  const model::LlamaConfig& config_;
  const model::FlatBatch& batch_;
  std::span<const kernels::CacheRow> rows_;
  kernels::KvCache& cache_;
  kernels::cpu::CacheAttention attention_;
  std::int64_t tokens_;
  bool own_;                 // whether every thread computes all rows
  float* hidden_ = nullptr;  // [T,D], or [threads,T,D] if every thread computes all rows
  at::Tensor cosines_;       // [T,C/2]
  at::Tensor sines_;
  std::array<Int8Projection, model::kProjections> projections_;
  kernels::cpu::FloatBuffer seen_memory_;
  float* seen_ = nullptr;  // [T,H*C]
};

/// The layer as run by one thread of the team. An operation passes to the next a function that computes a
/// row, so that the thread that reads a row computes it.
class Pass::LayerEngine {
 public:
  /// The hidden states, to which `pending` [T,D] must still be added; null: nothing.
  struct Hidden {
    const float* pending = nullptr;
  };
  using Outputs = Int8Projection::Outputs;

  LayerEngine(Pass& pass, std::int64_t index, Team::Member& member)
      : pass_(pass),
        layer_(pass.model_.layer(index)),
        index_(index),
        member_(member),
        hidden_(pass.hidden_of(member)) {}

  auto norm(Norm norm, Hidden hidden) {
    const at::Tensor& weight = norm == Norm::kAttention ? layer_.attention_norm : layer_.mlp_norm;
    return [this, hidden, weight = values<float>(weight).data()](std::int64_t row, float* x) {
      settle(row, hidden);
      pass_.normalise(hidden_ + row * pass_.config_.hidden, weight, x);
    };
  }

  template <typename Fill>
  const Outputs& project(Projection projection, const Fill& fill) {
    Int8Projection& linears = pass_.projections_[static_cast<std::size_t>(projection)];
    linears.run(member_, fill);
    return linears.outputs();
  }

  /// Also stores the keys and values in the cache.
  void rotate(const Outputs& qkv) {
    const std::int64_t half = pass_.config_.head_dim / 2;
    const std::int64_t heads = pass_.config_.heads;
    const std::int64_t kv_heads = pass_.config_.kv_heads;
    const float* const cosines = values<float>(pass_.cosines_).data();
    const float* const sines = values<float>(pass_.sines_).data();
    for_each_row(member_, pass_.tokens_, [&](std::int64_t r) {
      float* const k = qkv[1] + r * kv_heads * 2 * half;
      const float* const v = qkv[2] + r * kv_heads * 2 * half;
      kernels::cpu::rotate_row(qkv[0] + r * heads * 2 * half, cosines + r * half, sines + r * half, heads,
                               half);
      kernels::cpu::rotate_row(k, cosines + r * half, sines + r * half, kv_heads, half);
      kernels::cpu::cache_write(pass_.cache_, index_, pass_.rows_.subspan(static_cast<std::size_t>(r), 1), k,
                                v);
    });
  }

  auto attend(const Outputs& qkv) {
    pass_.attention_.run(index_, qkv[0], pass_.seen_, member_);
    return [seen = pass_.seen_, width = pass_.config_.heads * pass_.config_.head_dim](
               std::int64_t row, float* x) { std::copy_n(seen + row * width, width, x); };
  }

  auto swiglu(const Outputs& gate_up) const {
    return [gate = gate_up[0], up = gate_up[1], ffn = pass_.config_.ffn](std::int64_t row, float* x) {
      kernels::cpu::swiglu_row(gate + row * ffn, up + row * ffn, x, ffn);
    };
  }

  Hidden add(Hidden /*settled*/, const Outputs& projected) const { return {projected[0]}; }

  void settle(Hidden hidden) {
    make_rows(member_, pass_.tokens_, pass_.own_, [&](std::int64_t r) { settle(r, hidden); });
  }

 private:
  void settle(std::int64_t row, Hidden hidden) {
    if (hidden.pending != nullptr) {
      const std::int64_t width = pass_.config_.hidden;
      std::transform(hidden_ + row * width, hidden_ + (row + 1) * width, hidden.pending + row * width,
                     hidden_ + row * width, std::plus<>());
    }
  }

  Pass& pass_;
  const Int8Model::Layer& layer_;
  std::int64_t index_;
  Team::Member& member_;
  float* hidden_;  // [T,D]; separate for each thread if own_
};

void Pass::layer(std::int64_t index, const at::Tensor& alpha) {
  const LayerAlpha weights(alpha, values<std::int64_t>(batch_.seq_of_token));
  for (int i = 0; i < model::kProjections; ++i) {
    projections_[static_cast<std::size_t>(i)].prepare(
        model_.layer(index), model::linears_of(static_cast<Projection>(i)), weights, tokens_);
  }
  seen_ = seen_memory_.resize(tokens_, config_.heads * config_.head_dim);
  Team::run([&](Team::Member& member) {
    LayerEngine engine(*this, index, member);
    engine.settle(model::decoder_layer(engine, LayerEngine::Hidden()));
  });
}

}  // namespace

experts::RoutedOutput Int8Engine::forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                          std::span<const kernels::CacheRow> rows,
                                          kernels::KvCache& cache) const {
  return Pass(model_, batch, rows, cache).run(gate);
}

std::string Int8Engine::path() const {
  return fmt::format("int8, {}", kernels::cpu::int8_path());
}

}  // namespace routedk::decode
