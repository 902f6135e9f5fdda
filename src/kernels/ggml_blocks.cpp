#include "routedk/kernels/ggml_blocks.h"

#include "routedk/core/error.h"

#include <utility>

namespace routedk::kernels {

GgmlBlocks::GgmlBlocks(GgmlType type, at::Tensor data) : type_(type), data_(std::move(data)) {
  const std::int64_t block = layout_of(type).bytes;
  if (data_.dim() != 2 || data_.scalar_type() != at::kByte || !data_.is_contiguous() ||
      data_.size(1) % block != 0) {
    throw_<Error>("a matrix in {} must be contiguous bytes [out, a multiple of {}], but is {} {} instead",
                  type, block, at::toString(data_.scalar_type()), c10::str(data_.sizes()));
  }
}

std::int64_t GgmlBlocks::in_features() const {
  const GgmlLayout layout = layout_of(type_);
  return data_.size(1) / layout.bytes * layout.elements;
}

at::Tensor GgmlBlocks::scales() const {
  const GgmlLayout layout = layout_of(type_);
  return data_.view({-1, layout.bytes})
      .narrow(1, layout.scales_at, 2 * layout.scales)
      .contiguous()
      .view(at::kHalf);
}

}  // namespace routedk::kernels
