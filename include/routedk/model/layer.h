/// The weights of one decoder layer, and its maths for every engine.
#pragma once

#include "routedk/kernels/linear.h"
#include "routedk/model/config.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include <ATen/ATen.h>

namespace routedk::model {

struct Layer {
  at::Tensor attention_norm;  // [D]
  at::Tensor mlp_norm;        // [D]
  std::array<kernels::FrozenLinear, kLinears> linears;

  const kernels::FrozenLinear& operator[](Linear linear) const {
    return linears[static_cast<std::size_t>(linear)];
  }
};

/// The type of a linear's output, if it differs from that of the input: what is added to the hidden states is
/// not rounded first.
inline std::optional<at::ScalarType> output_type(Linear linear) noexcept {
  return linear == Linear::kO || linear == Linear::kDown ? std::optional(at::kFloat) : std::nullopt;
}

enum class Norm : std::uint8_t { kAttention, kMlp };

/// Linears that share their input.
enum class Projection : std::uint8_t { kQkv, kO, kGateUp, kDown };
inline constexpr int kProjections = 4;

inline std::span<const Linear> linears_of(Projection projection) noexcept {
  static constexpr std::array<Linear, kLinears> kInOrder = {
      Linear::kQ, Linear::kK, Linear::kV, Linear::kO, Linear::kGate, Linear::kUp, Linear::kDown};
  switch (projection) {
    case Projection::kQkv:
      return std::span(kInOrder).subspan(0, 3);
    case Projection::kO:
      return std::span(kInOrder).subspan(3, 1);
    case Projection::kGateUp:
      return std::span(kInOrder).subspan(4, 2);
    case Projection::kDown:
      break;
  }
  return std::span(kInOrder).subspan(6, 1);
}

/// A Llama layer (arXiv 2302.13971), independent of the engine that computes it: tensors with autograd
/// (tensor_engine.h) or a team of threads in 8-bit integers (decode/int8_engine.h). An engine may defer an
/// operation into the next one; the types passed between them are its own.
///   norm(which, hidden)        root mean square normalisation
///   project(projection, rows)  frozen products and their adapters
///   rotate(qkv)                queries and keys, in place
///   attend(qkv)                attention; with a cache, keys and values are stored first
///   swiglu(gate_up)            silu(gate) * up
///   add(hidden, projected)     the residual
template <typename Engine>
typename Engine::Hidden decoder_layer(Engine& engine, const typename Engine::Hidden& hidden) {
  const auto attended = [&] {  // a separate scope frees q, k and v early
    auto qkv = engine.project(Projection::kQkv, engine.norm(Norm::kAttention, hidden));
    engine.rotate(qkv);
    return engine.attend(qkv);
  }();
  const auto middle = engine.add(hidden, engine.project(Projection::kO, attended));
  const auto gated = engine.swiglu(engine.project(Projection::kGateUp, engine.norm(Norm::kMlp, middle)));
  return engine.add(middle, engine.project(Projection::kDown, gated));
}

}  // namespace routedk::model
