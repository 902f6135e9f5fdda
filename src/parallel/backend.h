/// What a world needs of c10d. A build without its headers has no backend (no_backend.cpp).
#pragma once

#include "routedk/parallel/world.h"

#include <memory>

#include <ATen/core/Tensor.h>

namespace routedk::parallel {

/// How the numbers of all processes are combined.
enum class Reduction { kSum, kMax };

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// Whether reduce takes GPU tensors in place.
  virtual bool sums_on_gpu() const noexcept { return false; }
  /// In place; a contiguous CPU tensor or, if sums_on_gpu, a sum on the GPU.
  virtual void reduce(at::Tensor& values, Reduction reduction) = 0;
  /// Broadcasts from rank 0, in place; likewise.
  virtual void broadcast(at::Tensor& values) = 0;
};

/// Meets the other processes; errors as World's constructor.
std::shared_ptr<Backend> join(const Launch& launch, const Patience& patience);

}  // namespace routedk::parallel
