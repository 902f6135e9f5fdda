#include "stored_tensors.h"

#include "routedk/core/error.h"
#include "routedk/model/weight_source.h"

#include <fmt/ranges.h>

namespace routedk::experts {

std::vector<std::string> StoredTensors::names() const {
  std::vector<std::string> names;
  for (const auto& [name, view] : file_.tensors()) {
    names.push_back(name);
  }
  return names;
}

std::int64_t StoredTensors::size_of(const std::string& name, std::size_t dimension) const {
  const std::vector<std::int64_t>& shape = file_.at(name).shape;
  return shape.size() == 2 ? shape[dimension] : 0;
}

void StoredTensors::expect(const std::string& name, const std::vector<std::int64_t>& shape) {
  const io::TensorView& view = file_.at(name);
  if (!quant::is_weight_type(view.dtype)) {
    throw_<FileError>("tensor `{}` must be F32, F16 or BF16, but is {} instead ({})", name, view.dtype,
                      file_.file().path().string());
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
  model::require_finite(values, name, file_.file().path().string());
  into.copy_(values);
}

}  // namespace routedk::experts
