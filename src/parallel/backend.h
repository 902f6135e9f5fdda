/// What c10d must do for a world. Built without its headers there is none (no_backend.cpp).
#pragma once

#include "routedk/parallel/world.h"

#include <memory>

#include <ATen/core/Tensor.h>

namespace routedk::parallel {

/// What becomes of a number that each process has.
enum class Reduction { kSum, kMax };

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// Whether reduce takes tensors of the GPU where they lie.
  virtual bool sums_on_gpu() const noexcept { return false; }
  /// In place, of a contiguous tensor of the CPU, or where sums_on_gpu a sum on the GPU.
  virtual void reduce(at::Tensor& values, Reduction reduction) = 0;
  /// Rank 0's, in place; likewise.
  virtual void broadcast(at::Tensor& values) = 0;
};

/// Meets the other processes: errors as World's constructor.
std::shared_ptr<Backend> join(const Launch& launch, const Patience& patience);

}  // namespace routedk::parallel
