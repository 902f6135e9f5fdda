/// The routed model's weights in the layout of decoding: for products in 8-bit integers.
#pragma once

#include "routedk/experts/routed_model.h"
#include "routedk/kernels/cpu/int8.h"

#include <array>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>
#include <c10/util/SmallVector.h>

namespace routedk::decode {

/// A copy of a model's linears, factors and head, laid out for kernels/cpu/int8.h. ggml's blocks are kept
/// exactly, NF4 codes keep their 4 bits; the factors A and B get 8, as does a dense head. Norms, rotation,
/// attention and sums are fp32. A row's bits depend only on that row.
class Int8Model {
 public:
  /// Whether the model is on the CPU and every linear is packed in rows of whole blocks.
  static bool fits(const experts::RoutedModel& model) noexcept;
  /// `model` must outlive it.
  explicit Int8Model(const experts::RoutedModel& model);

  /// hidden [n,D] F32 -> logits [n,V]
  at::Tensor logits(const at::Tensor& hidden) const;
  /// Bytes of weights read by a pass of one row and its logits, with all experts or none.
  std::int64_t bytes(bool experts) const;

  struct Linear {
    kernels::cpu::Int8Panels weight;  // [out,in]
    at::Tensor bias;                  // [out] F32 or undefined
    /// All experts' factors, concatenated, each expert's ranks padded with zeros to whole panels; up to four
    /// experts of rank 16 share B's blocks. Undefined if no expert adapts the linear. What a pass looks up is
    /// stored within the Linear, without indirection: each access to colder memory costs time.
    kernels::cpu::Int8Panels a;                    // [R,in]
    kernels::cpu::Int8Panels b;                    // [out,R]
    c10::SmallVector<std::int64_t, 5> first_rank;  // [K+1], multiples of 16
    c10::SmallVector<float, 4> scale;              // [K]
  };
  struct Layer {
    at::Tensor attention_norm;  // [D] F32
    at::Tensor mlp_norm;        // [D] F32
    std::array<Linear, model::kLinears> linears;
  };

  const experts::RoutedModel& model() const noexcept { return model_; }
  const at::Tensor& inverse_frequencies() const noexcept { return inverse_frequencies_; }  // [C/2]
  const at::Tensor& norm() const noexcept { return norm_; }                                // [D] F32
  const Layer& layer(std::int64_t index) const { return layers_[static_cast<std::size_t>(index)]; }

 private:
  static void stack_factors(const experts::ExpertBank& bank, std::int64_t layer, model::Linear kind,
                            Linear& linear);

  const experts::RoutedModel& model_;
  at::Tensor inverse_frequencies_;  // [C/2]
  at::Tensor norm_;                 // [D] F32
  std::vector<Layer> layers_;
  kernels::cpu::Int8Panels head_;  // [V,D]
};

}  // namespace routedk::decode
