/// Torch tensors <-> the typed byte views of io.
#pragma once

#include "routedk/io/safetensors.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <ATen/ATen.h>

namespace routedk::quant {

/// A copy of the view's elements in its own type and shape.
at::Tensor to_tensor(const io::TensorView& view);

/// The view's elements in place in the mapped `file`, read-only; their pages are released with the tensor. A
/// copy if the file does not align them.
at::Tensor borrow_tensor(const io::TensorView& view, std::shared_ptr<const io::MappedFile> file);

/// The Torch type of a safetensors type, and the reverse; Error if there is none.
at::ScalarType scalar_type(io::Dtype dtype);
io::Dtype stored_type(at::ScalarType type);

/// F32, F16 or BF16: the types of dense weights.
bool is_weight_type(io::Dtype dtype) noexcept;
/// "float32", "float16" or "bfloat16", the names in configurations; null for another type.
const char* weight_type_word(at::ScalarType type) noexcept;
/// The reverse; nothing for another word.
std::optional<at::ScalarType> weight_type(std::string_view word) noexcept;

/// The bytes of a contiguous CPU tensor, which must outlive the view. Error if it is not one, or safetensors
/// has no such type.
io::TensorView to_view(std::string name, const at::Tensor& tensor);

}  // namespace routedk::quant
