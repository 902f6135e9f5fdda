/// The CPU's operations are the reference.
#include "support/cuda_device.h"

namespace routedk::kernels {
namespace {

using testing::expect_close;
using testing::expect_equal;
using testing::normal;
using testing::Tolerance;

class CudaRows : public testing::CudaKernelsByType {};
ROUTEDK_CUDA_TYPES(CudaRows);

TEST_P(CudaRows, rms_norm_and_its_gradient_equal_the_cpus) {
  for (const auto& [rows, width] : {std::pair(1, 576), {7, 33}, {3, 4096}}) {
    SCOPED_TRACE(width);
    const at::Tensor x = normal({rows, width}, 1);
    at::Tensor weight = normal({width}, 2);
    weight[3] = 0.0F;
    const at::Tensor dy = normal({rows, width}, 3);
    const NormOutput wanted = cpu::rms_norm(x, weight, 1e-5, at::kFloat);
    const NormOutput found = cuda::rms_norm(there(x), there(weight), 1e-5, dtype());
    expect_close(here(found.y).to(at::kFloat), wanted.y, tolerance());
    expect_close(here(found.scale), wanted.scale, {1e-5, 0});
    const at::Tensor cx = there(x);
    const at::Tensor cw = there(weight);
    expect_close(here(cuda::rms_norm_backward(put(dy), {cx, cw, found.scale})),
                 cpu::rms_norm_backward(seen(dy), {x, weight, wanted.scale}), {2e-5, 2e-5});
    const double kept = dtype() == at::kFloat ? 2e-5 : 2e-2;  // of what the result holds of x
    expect_close(here(cuda::rms_norm_backward(put(dy), {found.y, cw, found.scale, true})),
                 cpu::rms_norm_backward(seen(dy), {x, weight, wanted.scale}), {kept, kept});
  }
}

TEST_P(CudaRows, rotation_equals_the_cpus_both_ways) {
  for (const auto& [tokens, heads, size] : {std::tuple(1, 3, 64), {5, 2, 10}, {9, 8, 128}}) {
    SCOPED_TRACE(size);
    const at::Tensor x = normal({tokens, heads, size}, 4);
    const at::Tensor angles = normal({tokens, 1, size / 2}, 5);
    const RotaryTables tables{angles.cos(), angles.sin()};
    const RotaryTables moved{there(tables.cos), there(tables.sin)};
    for (const Direction direction : {Direction::kForward, Direction::kBack}) {
      expect_close(here(cuda::rotate(put(x), moved, direction)).to(at::kFloat),
                   cpu::rotate(seen(x), tables, direction), tolerance());
    }
  }
}

TEST_P(CudaRows, swiglu_and_its_gradients_equal_the_cpus_aligned_or_not) {
  for (const auto& [count, skipped] : {std::pair(4096, 0), {1003, 0}, {1003, 1}}) {
    SCOPED_TRACE(count);
    const auto part = [&, skip = skipped](const at::Tensor& x) { return put(x).slice(0, skip); };
    const at::Tensor gate = normal({count}, 6) * 3;
    const at::Tensor up = normal({count}, 7);
    const at::Tensor dy = normal({count}, 8);
    expect_close(here(cuda::swiglu(part(gate), part(up))).to(at::kFloat),
                 cpu::swiglu(seen(gate).slice(0, skipped), seen(up).slice(0, skipped)), tolerance());
    const auto found = cuda::swiglu_backward(part(dy), part(gate), part(up));
    const auto wanted = cpu::swiglu_backward(seen(dy).slice(0, skipped), seen(gate).slice(0, skipped),
                                             seen(up).slice(0, skipped));
    expect_close(here(found.first).to(at::kFloat), wanted.first, tolerance());
    expect_close(here(found.second).to(at::kFloat), wanted.second, tolerance());
  }
}

TEST_P(CudaRows, dropout_draws_the_cpus_masks) {
  DropoutMask mask{6554, {}};
  std::int64_t rows = 0;
  for (std::uint64_t s = 0; s < 130; ++s) {  // more than one kernel takes
    const auto length = static_cast<std::int64_t>(s % 3 + 1);
    mask.segments.push_back({rows, rows + length, 1000 + s, static_cast<std::int64_t>(s % 5)});
    rows += length;
  }
  for (const std::int64_t width : {64, 30}) {
    const at::Tensor x = normal({rows, width}, 9).to(dtype());
    expect_equal(here(cuda::dropout(there(x), mask)), cpu::dropout(x, mask));
  }
}

TEST_P(CudaRows, products_are_added_under_the_cpus_masks) {
  const DropoutMask mask{20000, {{0, 5, 77, 3}, {5, 21, 78, 0}}};
  for (const std::int64_t width : {640, 30}) {
    const at::Tensor left = normal({21, 40}, 12);
    const at::Tensor right = normal({16, width}, 13);
    const at::Tensor sum = normal({21, width}, 14);
    const at::Tensor found = put(sum).clone();
    cuda::add_dropped_product(found, put(left).narrow(1, 8, 16), put(right), mask);
    const at::Tensor wanted = seen(sum).clone();
    cpu::add_dropped_product(wanted, seen(left).narrow(1, 8, 16), seen(right), mask);
    expect_close(here(found).to(at::kFloat), wanted, {tolerance().rtol, dtype() == at::kFloat ? 1e-5 : 2e-2});
  }
}

class CudaAdamW : public testing::CudaKernels {};

TEST_F(CudaAdamW, steps_equal_the_cpus) {
  const AdamWOptions config{0.9, 0.99, 1e-8, 0.1};
  const at::Tensor grads = normal({1000}, 10);
  at::Tensor values = normal({1000}, 11);
  AdamWMoments moments = AdamWMoments::zeros_like(values);
  const at::Tensor moved = there(values).clone();
  const AdamWMoments moved_moments = AdamWMoments::zeros_like(moved);
  for (const std::int64_t number : {1, 2, 3}) {
    cpu::adamw_step(config, {number, 1e-2, 0.5}, grads, values, moments);
    cuda::adamw_step(config, {number, 1e-2, 0.5}, there(grads), moved, moved_moments);
  }
  expect_close(here(moved), values, {1e-5, 1e-6});
  expect_close(here(moved_moments.second), moments.second, {1e-5, 1e-9});
}

}  // namespace
}  // namespace routedk::kernels
