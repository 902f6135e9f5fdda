#include "routedk/quant/ggml_tensor.h"

#include "routedk/quant/tensor_view.h"

#include <utility>

namespace routedk::quant {

std::optional<kernels::GgmlType> block_type(io::GgmlType type) {
  return find_enum<kernels::GgmlType>(io::ggml_type_name(type));
}

std::optional<kernels::GgmlBlocks> borrow_blocks(const io::GgufTensor& matrix,
                                                 std::shared_ptr<const io::MappedFile> file) {
  const auto type = block_type(matrix.type);
  if (!type) {
    return std::nullopt;
  }
  const std::int64_t out = matrix.shape[0];
  const io::TensorView bytes{
      matrix.name, io::Dtype::kU8, {out, std::ssize(matrix.bytes) / out}, matrix.bytes};
  return kernels::GgmlBlocks(*type, borrow_tensor(bytes, std::move(file)));
}

}  // namespace routedk::quant
