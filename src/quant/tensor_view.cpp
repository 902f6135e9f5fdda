#include "routedk/quant/tensor_view.h"

#include "routedk/core/error.h"

#include <array>
#include <cstring>
#include <utility>

namespace routedk::quant {
namespace {

constexpr std::array<std::pair<io::Dtype, at::ScalarType>, 10> kTypes = {{{io::Dtype::kF64, at::kDouble},
                                                                          {io::Dtype::kF32, at::kFloat},
                                                                          {io::Dtype::kF16, at::kHalf},
                                                                          {io::Dtype::kBF16, at::kBFloat16},
                                                                          {io::Dtype::kI64, at::kLong},
                                                                          {io::Dtype::kI32, at::kInt},
                                                                          {io::Dtype::kI16, at::kShort},
                                                                          {io::Dtype::kI8, at::kChar},
                                                                          {io::Dtype::kU8, at::kByte},
                                                                          {io::Dtype::kBool, at::kBool}}};

constexpr std::array<std::pair<const char*, at::ScalarType>, 3> kWeightTypes = {
    {{"float32", at::kFloat}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16}}};

}  // namespace

at::ScalarType scalar_type(io::Dtype dtype) {
  for (const auto& [stored, computed] : kTypes) {
    if (stored == dtype) {
      return computed;
    }
  }
  throw_<Error>("a stored tensor's type must be known, but is number {} instead", static_cast<int>(dtype));
}

io::Dtype stored_type(at::ScalarType type) {
  for (const auto& [stored, computed] : kTypes) {
    if (computed == type) {
      return stored;
    }
  }
  throw_<Error>("a tensor's type must be one that safetensors has, but is {} instead", at::toString(type));
}

at::Tensor to_tensor(const io::TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, scalar_type(view.dtype));
  if (!view.bytes.empty()) {
    std::memcpy(tensor.data_ptr(), view.bytes.data(), view.bytes.size());
  }
  return tensor;
}

bool is_weight_type(io::Dtype dtype) noexcept {
  return dtype == io::Dtype::kF32 || dtype == io::Dtype::kF16 || dtype == io::Dtype::kBF16;
}

const char* weight_type_word(at::ScalarType type) noexcept {
  for (const auto& [word, known] : kWeightTypes) {
    if (known == type) {
      return word;
    }
  }
  return nullptr;
}

std::optional<at::ScalarType> weight_type(std::string_view word) noexcept {
  for (const auto& [known, type] : kWeightTypes) {
    if (known == word) {
      return type;
    }
  }
  return std::nullopt;
}

at::Tensor borrow_tensor(const io::TensorView& view, std::shared_ptr<const io::MappedFile> file) {
  const std::size_t size = io::dtype_size(view.dtype);
  if (view.bytes.empty() || reinterpret_cast<std::uintptr_t>(view.bytes.data()) % size != 0) {
    return to_tensor(view);
  }
  const auto give_back = [file = std::move(file), bytes = view.bytes](void*) { file->release(bytes); };
  // at::Tensor has no read-only memory; nothing here writes to a frozen weight.
  return at::from_blob(const_cast<std::byte*>(view.bytes.data()), view.shape, give_back,
                       scalar_type(view.dtype));
}

io::TensorView to_view(std::string name, const at::Tensor& tensor) {
  if (!tensor.is_contiguous() || !tensor.is_cpu()) {
    throw_<Error>("tensor `{}` must be contiguous on the CPU to be viewed as bytes", name);
  }
  return {std::move(name),
          stored_type(tensor.scalar_type()),
          tensor.sizes().vec(),
          {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}};
}

}  // namespace routedk::quant
