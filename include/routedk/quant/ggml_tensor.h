/// Matrices in ggml's blocks, where a GGUF file holds them.
#pragma once

#include "routedk/io/gguf.h"
#include "routedk/kernels/ggml_blocks.h"

#include <memory>
#include <optional>

namespace routedk::quant {

/// The kernels' name of a type; nothing for F32, F16 and BF16.
std::optional<kernels::GgmlType> block_type(io::GgmlType type);

/// A matrix [out,in] as it lies in the mapped `file`, read-only; its pages are given back with the last copy.
/// Nothing where it is not in blocks.
std::optional<kernels::GgmlBlocks> borrow_blocks(const io::GgufTensor& matrix,
                                                 std::shared_ptr<const io::MappedFile> file);

}  // namespace routedk::quant
