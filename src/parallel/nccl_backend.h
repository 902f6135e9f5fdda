/// c10d's NCCL backend, which sums tensors of GPUs where they lie. Built without NCCL's headers there is none
/// (no_nccl.cpp).
#pragma once

#include "routedk/parallel/world.h"

#include <memory>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace routedk::parallel {

bool has_nccl() noexcept;

/// nullptr where there is none. Every process of the world must have a GPU of its own.
c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                            const Launch& launch, const Patience& patience);

}  // namespace routedk::parallel
