#include "nccl_backend.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace routedk::parallel {

bool has_nccl() noexcept {
  return true;
}

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                            const Launch& launch, const Patience& patience) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = patience.exchange;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", store),
                                                     launch.rank, launch.size, options);
}

}  // namespace routedk::parallel
