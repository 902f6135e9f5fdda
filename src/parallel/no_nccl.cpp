// Built where NCCL's headers are not installed: without CUDA.
#include "nccl_backend.h"

namespace routedk::parallel {

bool has_nccl() noexcept {
  return false;
}

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& /*store*/,
                                            const Launch& /*launch*/, const Patience& /*patience*/) {
  return {};
}

}  // namespace routedk::parallel
