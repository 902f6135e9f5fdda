/// The CPU's, which LibTorch computes, is the reference.
#include "support/cuda_device.h"

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::normal;

class CudaCrossEntropy : public testing::CudaKernelsByType {};
ROUTEDK_CUDA_TYPES(CudaCrossEntropy);

TEST_P(CudaCrossEntropy, losses_and_gradients_equal_the_cpus) {
  for (const auto& [rows, vocab] : {std::pair(1, 5), {9, 1000}, {3, 4099}}) {
    for (const double smoothing : {0.0, 0.1}) {
      SCOPED_TRACE(vocab);
      const at::Tensor logits = normal({rows, vocab}, 1) * 5;
      const at::Tensor tokens = at::arange(rows, at::kLong) * 3 % vocab;
      const at::Tensor weights = normal({rows}, 2);
      const TokenTargets targets{tokens, weights, smoothing};
      const TokenLosses wanted = cpu::cross_entropy(logits, targets, true, at::kFloat);
      const TokenLosses found =
          cuda::cross_entropy(there(logits), {there(tokens), there(weights), smoothing}, true, dtype());
      expect_close(here(found.losses), wanted.losses, {1e-5, 1e-5});
      expect_close(here(found.unsmooth), wanted.unsmooth, {1e-5, 1e-5});
      expect_close(here(found.gradient).to(at::kFloat), wanted.gradient, {tolerance().rtol, 1e-6});
      const TokenLosses alone =
          cuda::cross_entropy(there(logits), {there(tokens), {}, smoothing}, false, dtype());
      expect_close(here(alone.losses), wanted.losses, {1e-5, 1e-5});
      EXPECT_FALSE(alone.gradient.defined());
    }
  }
}

}  // namespace
}  // namespace routedk::kernels
