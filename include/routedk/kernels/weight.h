/// Frozen matrices [out,in] in the formats that the products of linear.h take.
#pragma once

#include "routedk/kernels/ggml_blocks.h"
#include "routedk/kernels/nf4.h"

#include <cstdint>
#include <variant>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// A matrix of numbers.
struct Dense {
  at::Tensor values;  // [out,in] of a floating type

  std::int64_t out_features() const { return values.size(0); }
  std::int64_t in_features() const { return values.size(1); }
  std::int64_t bytes() const { return static_cast<std::int64_t>(values.nbytes()); }
};

using Weight = std::variant<Dense, Nf4, GgmlBlocks>;

std::int64_t out_features(const Weight& weight);
std::int64_t in_features(const Weight& weight);
/// Bytes held, without the codebooks that all matrices share.
std::int64_t bytes(const Weight& weight);

at::Device device_of(const Weight& weight);
/// The same weight on `device`.
Weight to_device(const Weight& weight, at::Device device);

/// The dense [out,in] matrix in `dtype`. Values of Nf4 are first rounded to the type of the matrix before
/// quantisation, as in bitsandbytes, then to `dtype`: float32 or bfloat16, ConfigError otherwise.
at::Tensor dequantize(const Weight& weight, at::ScalarType dtype);
/// Rows of the matrix in `dtype`, by index: ids [T] integers -> [T,in]. Error when an id is out of range.
at::Tensor embedding(const at::Tensor& ids, const Weight& weight, at::ScalarType dtype);

}  // namespace routedk::kernels
