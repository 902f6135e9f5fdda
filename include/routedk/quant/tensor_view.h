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

/// The view's elements where they lie in the mapped `file`, read-only; their pages are given back with the
/// tensor. A copy where the file does not align them.
at::Tensor borrow_tensor(const io::TensorView& view, std::shared_ptr<const io::MappedFile> file);

/// The type of those elements, and the one of safetensors for a tensor's; Error when there is none.
at::ScalarType scalar_type(io::Dtype dtype);
io::Dtype stored_type(at::ScalarType type);

/// F32, F16 or BF16: the types of dense weights.
bool is_weight_type(io::Dtype dtype) noexcept;
/// "float32", "float16" or "bfloat16", as configurations call them; null for another type.
const char* weight_type_word(at::ScalarType type) noexcept;
/// The reverse; nothing for another word.
std::optional<at::ScalarType> weight_type(std::string_view word) noexcept;

/// The bytes of a contiguous CPU tensor, which must outlive the view. Error when it is neither or when
/// safetensors has no such type.
io::TensorView to_view(std::string name, const at::Tensor& tensor);

}  // namespace routedk::quant
