/// A frozen matrix in ggml's blocks.
#pragma once

#include "routedk/kernels/ggml_type.h"

#include <cstdint>

#include <ATen/ATen.h>

namespace routedk::kernels {

/// An [out,in] matrix whose rows are whole blocks, kept as a GGUF file holds it.
class GgmlBlocks {
 public:
  /// data: [out,row_bytes] U8. Error when it is not contiguous or a row is not whole blocks.
  GgmlBlocks(GgmlType type, at::Tensor data);

  GgmlType type() const noexcept { return type_; }
  const at::Tensor& data() const noexcept { return data_; }  // [out,row_bytes] U8
  std::int64_t out_features() const { return data_.size(0); }
  std::int64_t in_features() const;
  std::int64_t bytes() const { return data_.numel(); }
  /// Scales and minima of all blocks: the values are finite if these are. [blocks,1 or 2] F16
  at::Tensor scales() const;

 private:
  GgmlType type_;
  at::Tensor data_;
};

}  // namespace routedk::kernels
