/// Tensors of GGUF files, in ggml's blocks or dense.
#pragma once

#include "routedk/io/gguf.h"
#include "routedk/kernels/ggml_blocks.h"

#include <memory>
#include <optional>

#include <ATen/ATen.h>

namespace routedk::quant {

/// The kernels' equivalent of a type; nothing for F32, F16 and BF16.
std::optional<kernels::GgmlType> block_type(io::GgmlType type);

/// A matrix [out,in], or a vector as one row, in place in the mapped `file`, read-only; its pages are
/// released with the last copy. Nothing if it is not in blocks.
std::optional<kernels::GgmlBlocks> borrow_blocks(const io::GgufTensor& tensor,
                                                 std::shared_ptr<const io::MappedFile> file);

/// A copy of a tensor that is not in blocks, in its shape. F32. Error if it is in blocks.
at::Tensor dense_values(const io::GgufTensor& tensor);

}  // namespace routedk::quant
