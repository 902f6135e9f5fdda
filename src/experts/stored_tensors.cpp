#include "stored_tensors.h"

#include "routedk/core/error.h"

#include <fmt/ranges.h>

namespace routedk::experts {
namespace {

bool is_floating(io::Dtype dtype) noexcept {
  return dtype == io::Dtype::kF32 || dtype == io::Dtype::kF16 || dtype == io::Dtype::kBF16;
}

}  // namespace

void StoredTensors::expect(const std::string& name, const std::vector<std::int64_t>& shape) {
  const io::TensorView& view = file_.at(name);
  if (!is_floating(view.dtype)) {
    throw_<FileError>("tensor `{}` must be F32, F16 or BF16, but is {} instead ({})", name,
                      io::dtype_name(view.dtype), file_.file().path().string());
  }
  if (view.shape != shape) {
    throw_<FileError>("tensor `{}` must have shape [{}], but has [{}] instead ({})", name,
                      fmt::join(shape, ","), fmt::join(view.shape, ","), file_.file().path().string());
  }
  expected_.insert(name);
}

void StoredTensors::finish() const {
  for (const auto& [name, view] : file_.tensors()) {
    if (!expected_.contains(name)) {
      throw_<FileError>("every tensor must belong to the model and its configuration, but `{}` does not ({})",
                        name, file_.file().path().string());
    }
  }
}

void StoredTensors::read(const std::string& name, const at::Tensor& into) const {
  const at::Tensor values = quant::to_tensor(file_.at(name)).to(at::kFloat);
  if (!at::isfinite(values).all().item<bool>()) {
    throw_<FileError>("tensor `{}` must be finite, but holds infinite or undefined values ({})", name,
                      file_.file().path().string());
  }
  into.copy_(values);
}

}  // namespace routedk::experts
