/// Tensors of GGUF files: in ggml's blocks, where the file holds them, and dense ones.
#pragma once

#include "routedk/io/gguf.h"
#include "routedk/kernels/ggml_blocks.h"

#include <memory>
#include <optional>

#include <ATen/ATen.h>

namespace routedk::quant {

/// The kernels' name of a type; nothing for F32, F16 and BF16.
std::optional<kernels::GgmlType> block_type(io::GgmlType type);

/// A matrix [out,in], or a vector as its one row, as it lies in the mapped `file`, read-only; its pages are
/// given back with the last copy. Nothing where it is not in blocks.
std::optional<kernels::GgmlBlocks> borrow_blocks(const io::GgufTensor& tensor,
                                                 std::shared_ptr<const io::MappedFile> file);

/// A copy of a tensor that is not in blocks, in its shape. F32. Error when it is in blocks.
at::Tensor dense_values(const io::GgufTensor& tensor);

}  // namespace routedk::quant
