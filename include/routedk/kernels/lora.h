/// Low-rank adapters of a frozen linear: y += ((x A^T) * weights) B^T (LoRA, arXiv 2106.09685).
#pragma once

#include "routedk/kernels/dropout.h"
#include "routedk/kernels/linear.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// The factors of one adapter for one linear; undefined tensors where it does not adapt that linear.
struct LoraFactors {
  at::Tensor a;        // [r,in]
  at::Tensor bt;       // [r,out]
  double scale = 0.0;  ///< s
};

/// x [T,n], factor [R,n] -> scale x factor^T [T,R] in x's type. Not recorded by autograd.
at::Tensor lora_down(const at::Tensor& x, const at::Tensor& factor, double scale,
                     Precision precision = Precision::kFloat32);
/// down [T,R], x [T,n] -> down^T x [R,n] in x's type: the gradient of a factor. Not recorded by autograd. In
/// fp32 the sums over tokens do not depend on the number of threads.
at::Tensor factor_gradient(const at::Tensor& down, const at::Tensor& x,
                           Precision precision = Precision::kFloat32);

/// Consecutive rows of an input and their adapter.
struct LoraRows {
  LoraFactors factors;
  KeyedDropout dropout;  ///< counts rows from `begin`
  std::int64_t begin;
  std::int64_t end;
};

/// A linear and the adapters of its input's rows; without parts, the linear alone.
struct AdaptedLinear {
  FrozenLinear linear;
  std::vector<LoraRows> parts;
};

/// Whether the values of a result are read. When a layer is recomputed for its gradients, those of its last
/// product are not, and that product is skipped.
enum class Values : std::uint8_t { kRead, kUnread };

/// Linears that share their input x [T,in]: each gives x W^T + b + s (dropout(x) A^T) B^T [T,out], the rows
/// of each part with its own adapter, in one autograd node and one product per W. For backward it keeps x and
/// the t x r products; the dropped-out input is recomputed. Gradients reach x and the factors. The parts do
/// not affect each other.
std::vector<at::Tensor> lora_linears(std::vector<AdaptedLinear> linears, const at::Tensor& x,
                                     Values values = Values::kRead);

/// The frozen factors of several adapters, stacked.
struct LoraStack {
  at::Tensor a;   // [R,in], both in x's type
  at::Tensor bt;  // [R,out]
};

/// y [T,out] + ((x A^T) * weights) B^T, x [T,in], weights [T,R] or a number. Gradients reach y, x and the
/// weights. With `batch_invariant`, a row's fp32 bits depend on that row alone; no gradients then.
at::Tensor add_lora(const at::Tensor& y, const at::Tensor& x, const LoraStack& stack,
                    const at::Tensor& weights, bool batch_invariant);

}  // namespace routedk::kernels
