/// The formula in double is the reference of attention among a batch's tokens, the CPU's cache of the other.
#include "support/cuda_device.h"

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::normal;

class CudaAttention : public testing::CudaKernelsByType {};
ROUTEDK_CUDA_TYPES(CudaAttention);

TEST_P(CudaAttention, of_segments_with_and_without_parents_equals_the_formula_and_its_gradients) {
  const std::vector<Segment> alone = {{0, 5, -1}, {5, 29, -1}, {29, 30, -1}};
  const std::vector<Segment> shared = {{0, 17, -1}, {17, 21, 0}, {21, 22, 0}, {22, 30, -1}};
  const at::Tensor q = normal({30, 4, 64}, 1);
  const at::Tensor k = normal({30, 2, 64}, 2);
  const at::Tensor v = normal({30, 2, 64}, 3);
  const at::Tensor dout = normal({30, 4, 64}, 4);
  const auto close = [](const at::Tensor& found, const at::Tensor& wanted) {
    expect_close(here(found).to(at::kFloat), wanted.to(at::kFloat),
                 testing::share_of_largest(wanted, dtype() == at::kFloat ? 1e-5 : 2e-2));
  };
  for (const auto& segments : {alone, shared}) {
    const auto exact = [](const at::Tensor& x) { return seen(x).to(at::kDouble); };
    const AttentionInput reference{exact(q), exact(k), exact(v), segments, Precision::kFloat32};
    const AttentionInput input{put(q), put(k), put(v), segments, Precision::kFloat32};
    const AttentionOutput wanted = cpu::attention(reference);
    const AttentionOutput found = cuda::attention(input);
    close(found.out, wanted.out);
    const AttentionGradients wanted_d = cpu::attention_backward(reference, wanted, exact(dout));
    const AttentionGradients found_d = cuda::attention_backward(input, found, put(dout));
    close(found_d.q, wanted_d.q);
    close(found_d.k, wanted_d.k);
    close(found_d.v, wanted_d.v);
  }
}

/// Two prompts and three branches in both caches, and what one pass over rows of both kinds sees.
class CudaCache : public testing::CudaKernelsByType {
 protected:
  static constexpr CacheShape kShape{1, 6, 2, 64};

  static std::vector<CacheRow> prompt_rows() {
    std::vector<CacheRow> rows;
    for (std::int64_t t = 0; t < 40; ++t) {
      rows.push_back({0, CacheRow::kPrompt, t});
    }
    for (std::int64_t t = 0; t < 7; ++t) {
      rows.push_back({1, CacheRow::kPrompt, t});
    }
    return rows;
  }
  static std::vector<CacheRow> own_rows() { return {{0, 0, 0}, {0, 2, 0}, {0, 2, 1}, {0, 2, 2}, {1, 1, 0}}; }

  template <typename Write, typename Attend>
  static std::vector<at::Tensor> pass(KvCache& cache, const Write& write, const Attend& attend) {
    std::vector<at::Tensor> seen;
    std::uint64_t seed = 1;
    cache.reserve(2, 1);
    for (const auto& rows : {prompt_rows(), own_rows()}) {
      const auto count = static_cast<std::int64_t>(rows.size());
      cache.reserve(3, rows.front().branch == CacheRow::kPrompt ? 1 : 3);
      write(rows, normal({count, 2, 64}, seed), normal({count, 2, 64}, seed + 1));
      seen.push_back(attend(rows, normal({count, 6, 64}, seed + 2)));
      seed += 3;
    }
    cache.copy(2, 1, 2);
    const std::vector<CacheRow> next = {{0, 1, 2}};
    write(next, normal({1, 2, 64}, 91), normal({1, 2, 64}, 92));
    seen.push_back(attend(next, normal({1, 6, 64}, 93)));
    return seen;
  }
};
ROUTEDK_CUDA_TYPES(CudaCache);

TEST_P(CudaCache, attention_over_prompts_and_branches_equals_the_cpus) {
  KvCache reference(kShape, {40, 7});
  const auto wanted = pass(
      reference, [&](auto& rows, auto k, auto v) { cpu::cache_write(reference, 0, rows, seen(k), seen(v)); },
      [&](auto& rows, auto q) { return cpu::cache_attend(reference, 0, rows, q); });
  KvCache cache(kShape, {40, 7}, at::TensorOptions(testing::cuda_device()).dtype(dtype()),
                CacheLayout::kTokens);
  const auto found = pass(
      cache, [&](auto& rows, auto k, auto v) { cuda::cache_write(cache, 0, rows, there(k), there(v)); },
      [&](auto& rows, auto q) { return cuda::cache_attend(cache, 0, rows, there(q)); });
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    expect_close(here(found[i]), wanted[i], {1e-4, 1e-4});
  }
}

}  // namespace
}  // namespace routedk::kernels
