#include "routedk/experts/flat_parameters.h"

#include "routedk/core/error.h"

#include <c10/util/accumulate.h>

namespace routedk::experts {

FlatParameters::FlatParameters(const std::vector<std::vector<std::int64_t>>& shapes, at::Device device) {
  std::int64_t total = 0;
  for (const auto& shape : shapes) {
    total += c10::multiply_integers(shape);
  }
  values_ = at::zeros({total}, at::TensorOptions(device).dtype(at::kFloat));
  std::int64_t offset = 0;
  for (const auto& shape : shapes) {
    const std::int64_t size = c10::multiply_integers(shape);
    leaves_.push_back(values_.narrow(0, offset, size).view(shape).detach());
    offset += size;
  }
}

void FlatParameters::to(at::Device device) {
  if (trainable()) {
    throw_<Error>("parameters must not be moved while they are trained");
  }
  values_ = values_.to(device);
  std::int64_t offset = 0;
  for (at::Tensor& leaf : leaves_) {
    leaf = values_.narrow(0, offset, leaf.numel()).view(leaf.sizes()).detach();
    offset += leaf.numel();
  }
}

void FlatParameters::set_trainable(bool trainable) {
  grads_ = trainable ? at::zeros_like(values_) : at::Tensor();
  std::int64_t offset = 0;
  for (at::Tensor& leaf : leaves_) {
    leaf.set_requires_grad(trainable);
    leaf.mutable_grad() =
        trainable ? grads_.narrow(0, offset, leaf.numel()).view(leaf.sizes()) : at::Tensor();
    offset += leaf.numel();
  }
}

}  // namespace routedk::experts
