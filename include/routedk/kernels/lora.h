/// Low-rank adapters beside a frozen linear: y += ((x A^T) * weights) B^T (LoRA, arXiv 2106.09685).
#pragma once

#include "routedk/kernels/dropout.h"
#include "routedk/kernels/linear.h"

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// The factors of one adapter for one linear; undefined tensors where it doesn't adapt it.
struct LoraFactors {
  at::Tensor a;        // [r,in]
  at::Tensor bt;       // [r,out]
  double scale = 0.0;  ///< s
};

/// x [T,n], factor [R,n] -> scale x factor^T [T,R] in x's type. Not recorded by autograd.
at::Tensor lora_down(const at::Tensor& x, const at::Tensor& factor, double scale,
                     Precision precision = Precision::kFloat32);
/// down [T,R], x [T,n] -> down^T x [R,n] in x's type: a factor's gradient. Not recorded by autograd. In
/// fp32 the sums over the tokens don't depend on the number of threads.
at::Tensor factor_gradient(const at::Tensor& down, const at::Tensor& x,
                           Precision precision = Precision::kFloat32);

/// Neighbouring rows of an input and the adapter that they get.
struct LoraRows {
  LoraFactors factors;
  KeyedDropout dropout;  ///< its rows are counted from `begin`
  std::int64_t begin;
  std::int64_t end;
};

/// A linear and the adapters of its input's rows; without parts the linear alone.
struct AdaptedLinear {
  FrozenLinear linear;
  std::vector<LoraRows> parts;
};

/// Whether the numbers of a result are read. When a layer is run again for its gradients those of its last
/// product are not, and it is left out.
enum class Values : std::uint8_t { kRead, kUnread };

/// Linears that share their input x [T,in]: of each x W^T + b + s (dropout(x) A^T) B^T [T,out], each part's
/// rows under its adapter, one autograd node and one product with each W. For backward it keeps x and the
/// t x r products; the dropped input is made again. Gradients reach x and the factors. What a part computes
/// does not depend on the others.
std::vector<at::Tensor> lora_linears(std::vector<AdaptedLinear> linears, const at::Tensor& x,
                                     Values values = Values::kRead);

/// Several adapters' factors, one after another, frozen.
struct LoraStack {
  at::Tensor a;   // [R,in] in x's type, as the next
  at::Tensor bt;  // [R,out]
};

/// y [T,out] + ((x A^T) * weights) B^T, x [T,in], weights [T,R] or a number. Gradients reach y, x and the
/// weights. With `batch_invariant` a row's bits in fp32 depend on that row alone, without gradients.
at::Tensor add_lora(const at::Tensor& y, const at::Tensor& x, const LoraStack& stack,
                    const at::Tensor& weights, bool batch_invariant);

}  // namespace routedk::kernels
