/// Products with frozen matrices: y = x W^T + b.
#pragma once

#include "routedk/kernels/precision.h"
#include "routedk/kernels/weight.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// A product of rank R that is added to some rows of the product with a frozen weight.
struct LowRank {
  at::Tensor left;         // [t,R]
  at::Tensor right;        // [R,n], n columns of the result
  std::int64_t begin = 0;  ///< the first of the t rows
};
using LowRanks = std::vector<LowRank>;

/// x [T,in] -> x W^T + the terms [T,out] in the type of x and the factors, or on a GPU in `to`. In fp32, for
/// either precision, a row's bits depend on that row alone, not on other rows or threads, and a packed weight
/// is decoded panel by panel within the product, without a dense copy. For other types the weight is decoded
/// whole, LibTorch multiplies and `precision` is ignored. Not recorded by autograd, nor is multiply_backward.
at::Tensor multiply(const at::Tensor& x, const Weight& weight, const LowRanks& terms = {},
                    Precision precision = Precision::kFloat32, std::optional<at::ScalarType> to = {});
/// dy [T,out] -> dy W + the terms [T,in], likewise; added to `sum` [T,in], which is overwritten, if given.
at::Tensor multiply_backward(const at::Tensor& dy, const Weight& weight, const LowRanks& terms = {},
                             Precision precision = Precision::kFloat32, const at::Tensor& sum = {});

/// A frozen linear, usually without bias, and the precision of its products, including those of its adapters.
/// Copies share the weight.
class FrozenLinear {
 public:
  FrozenLinear() = default;
  /// An undefined bias means none. `output` is the type of the result, if other than that of the input.
  explicit FrozenLinear(Weight weight, at::Tensor bias = {}, Precision precision = Precision::kFloat32,
                        std::optional<at::ScalarType> output = {})
      : weight_(std::make_shared<const Weight>(std::move(weight))),
        bias_(std::move(bias)),
        precision_(precision),
        output_(output) {}

  /// x [T,in] -> [T,out]. Gradients flow to the input only; backward keeps no dense copy of a packed weight.
  at::Tensor forward(const at::Tensor& x) const;
  /// x [T,in] -> x W^T + b + the terms [T,out]. Not recorded by autograd.
  at::Tensor multiply(const at::Tensor& x, const LowRanks& terms = {}) const;

  /// Backward of x W^T + b: dy [T,out] -> dy W + the terms [T,in], added to `sum` if given. Not recorded by
  /// autograd.
  at::Tensor multiply_backward(const at::Tensor& dy, const LowRanks& terms = {},
                               const at::Tensor& sum = {}) const;
  /// x [T,in] -> an uninitialised result [T,out] in place of `multiply`, where its values are not read.
  at::Tensor unread_output(const at::Tensor& x) const;

  const Weight& weight() const noexcept { return *weight_; }
  const at::Tensor& bias() const noexcept { return bias_; }  // [out] in the compute type, or undefined
  Precision precision() const noexcept { return precision_; }
  std::int64_t out_features() const { return kernels::out_features(*weight_); }
  std::int64_t in_features() const { return kernels::in_features(*weight_); }
  /// Of weight and bias together.
  std::int64_t bytes() const;

 private:
  std::shared_ptr<const Weight> weight_;
  at::Tensor bias_;
  Precision precision_ = Precision::kFloat32;
  std::optional<at::ScalarType> output_;
};

}  // namespace routedk::kernels
