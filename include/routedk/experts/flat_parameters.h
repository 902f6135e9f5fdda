/// Trainable tensors as views of one flat fp32 buffer, so that clipping, AdamW and checkpoints each take one
/// pass.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::experts {

class FlatParameters {
 public:
  FlatParameters() = default;
  /// One zero-initialised leaf per shape, in order, without gaps.
  explicit FlatParameters(const std::vector<std::vector<std::int64_t>>& shapes, at::Device device = at::kCPU);

  /// The tensors themselves: leaves over values(), with views of grads() as gradients.
  const std::vector<at::Tensor>& leaves() const noexcept { return leaves_; }
  const at::Tensor& values() const noexcept { return values_; }  // [P] F32
  const at::Tensor& grads() const noexcept { return grads_; }    // [P] F32, undefined while frozen
  std::int64_t size() const noexcept { return values_.numel(); }

  /// Moves everything to the device, which replaces the leaves. Error while they are trainable.
  void to(at::Device device);

  /// Trainable parameters have a gradient buffer; frozen ones do not.
  void set_trainable(bool trainable);
  bool trainable() const noexcept { return grads_.defined(); }

 private:
  at::Tensor values_;
  at::Tensor grads_;
  std::vector<at::Tensor> leaves_;
};

}  // namespace routedk::experts
