/// c10d's NCCL backend, which sums GPU tensors in place. A build without NCCL's headers has none
/// (no_nccl.cpp).
#pragma once

#include "routedk/parallel/world.h"

#include <memory>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace routedk::parallel {

bool has_nccl() noexcept;

/// nullptr if there is none. Every process of the world must have its own GPU.
c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                            const Launch& launch, const Patience& patience);

}  // namespace routedk::parallel
