#include "routedk/quant/ggml_tensor.h"

#include "routedk/core/error.h"
#include "routedk/quant/tensor_view.h"

#include <utility>

namespace routedk::quant {

std::optional<kernels::GgmlType> block_type(io::GgmlType type) {
  return find_enum<kernels::GgmlType>(name_of(type));
}

std::optional<kernels::GgmlBlocks> borrow_blocks(const io::GgufTensor& tensor,
                                                 std::shared_ptr<const io::MappedFile> file) {
  const auto type = block_type(tensor.type);
  if (!type) {
    return std::nullopt;
  }
  const kernels::GgmlLayout layout = layout_of(*type);
  const std::int64_t row_bytes = tensor.shape.back() / layout.elements * layout.bytes;
  const io::TensorView bytes{
      tensor.name, io::Dtype::kU8, {std::ssize(tensor.bytes) / row_bytes, row_bytes}, tensor.bytes};
  return kernels::GgmlBlocks(*type, borrow_tensor(bytes, std::move(file)));
}

at::Tensor dense_values(const io::GgufTensor& tensor) {
  const auto dtype = find_enum<io::Dtype>(name_of(tensor.type));
  if (!dtype) {
    throw_<Error>("a dense tensor must be F32, F16 or BF16, but `{}` is {} instead", tensor.name,
                  tensor.type);
  }
  const io::TensorView view{tensor.name, *dtype, tensor.shape, tensor.bytes};
  return borrow_tensor(view, tensor.mapping).to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace routedk::quant
