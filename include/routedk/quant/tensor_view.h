/// Torch tensors <-> the typed byte views of io.
#pragma once

#include "routedk/io/safetensors.h"

#include <string>

#include <ATen/ATen.h>

namespace routedk::quant {

/// A copy of the view's elements in its own type and shape.
at::Tensor to_tensor(const io::TensorView& view);

/// The bytes of a contiguous CPU tensor, which must outlive the view. Error when it is neither or when
/// safetensors has no such type.
io::TensorView to_view(std::string name, const at::Tensor& tensor);

}  // namespace routedk::quant
