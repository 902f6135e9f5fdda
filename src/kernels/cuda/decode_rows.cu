/// The row-wise kernels of a decoding step.
#include "decode_kernels.h"
#include "graph_launch.h"
#include "matrix_core.h"

namespace routedk::kernels::cuda {
namespace {

constexpr unsigned kThreads = 256;

__global__ void __launch_bounds__(kThreads) step_start(const StepStart p) {
  let_next_kernel_start();
  wait_for_kernels_before();
  const auto m = static_cast<int>(blockIdx.x);
  const auto tid = static_cast<int>(threadIdx.x);
  const StepRow row = p.tables.rows[m];
  const std::uint16_t* from = p.embedding + static_cast<std::int64_t>(row.token) * p.width;
  for (int i = tid; i < p.width; i += kThreads) {
    p.hidden[static_cast<std::int64_t>(m) * p.width + i] = bfloat16_to_float(from[i]);
  }
  for (int i = tid; i < p.half; i += kThreads) {
    const float angle = static_cast<float>(row.position) * p.inverse_frequencies[i];
    p.angles[m * p.half + i] = float2{cosf(angle), sinf(angle)};
  }
  for (int i = tid; m == 0 && i < p.counter_count; i += kThreads) {
    p.counters[i] = 0;
  }
}

ROUTEDK_DEVICE void add(float4& a, float4 b) {
  a.x += b.x, a.y += b.y, a.z += b.z, a.w += b.w;
}

/// One block per row, 8 columns per thread.
__global__ void __launch_bounds__(1024) add_norm(const AddNorm p) {
  let_next_kernel_start();
  wait_for_kernels_before();
  auto* scratch = reinterpret_cast<float*>(shared_memory());
  const auto m = static_cast<int>(blockIdx.x);
  const int k = static_cast<int>(threadIdx.x) * 8;
  const bool real = k < p.width;
  const std::int64_t at = static_cast<std::int64_t>(m) * p.width + k;
  float4 v[2] = {};
  float squares = 0.0F;
#pragma unroll
  for (int half = 0; real && half < 2; ++half) {
    v[half] = *reinterpret_cast<const float4*>(p.hidden + at + 4 * half);
    for (int s = 0; s < p.count; ++s) {
      add(v[half], *reinterpret_cast<const float4*>(
                       p.parts + static_cast<std::int64_t>(s) * p.rows * p.width + at + 4 * half));
    }
    if (p.count > 0) {
      *reinterpret_cast<float4*>(p.hidden + at + 4 * half) = v[half];
    }
    squares += v[half].x * v[half].x + v[half].y * v[half].y + v[half].z * v[half].z + v[half].w * v[half].w;
  }
  const float scale = inverse_root(block_sum(squares, scratch) / static_cast<float>(p.width) + p.epsilon);
  if (!real) {
    return;
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float4 gain = *reinterpret_cast<const float4*>(p.gain + k + 4 * half);
    v[half].x *= scale * gain.x, v[half].y *= scale * gain.y;
    v[half].z *= scale * gain.z, v[half].w *= scale * gain.w;
    if (p.normed != nullptr) {
      *reinterpret_cast<float4*>(p.normed + at + 4 * half) = v[half];
    }
  }
  *reinterpret_cast<uint4*>(p.x + (static_cast<std::int64_t>(threadIdx.x) * p.rows + m) * 8) =
      uint4{round_pair(v[0].x, v[0].y), round_pair(v[0].z, v[0].w), round_pair(v[1].x, v[1].y),
            round_pair(v[1].z, v[1].w)};
}

ROUTEDK_DEVICE float silu_times(float gate, float up) {
  return gate / (1.0F + exponential(-gate)) * up;
}

/// 8 columns per thread; adjacent threads take adjacent columns of a row.
__global__ void __launch_bounds__(kThreads) gate_up(const GateUp p) {
  let_next_kernel_start();
  wait_for_kernels_before();
  const int i = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int k = i % (p.width / 8);
  const int m = i / (p.width / 8);
  if (m >= p.rows) {
    return;
  }
  float4 gate[2] = {};
  float4 up[2] = {};
  for (int s = 0; s < p.count; ++s) {
    const float* from = p.parts + (static_cast<std::int64_t>(s) * p.rows + m) * 2 * p.width + k * 8;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      add(gate[half], reinterpret_cast<const float4*>(from)[half]);
      add(up[half], reinterpret_cast<const float4*>(from + p.width)[half]);
    }
  }
  std::uint32_t packed[4];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    packed[2 * half] =
        round_pair(silu_times(gate[half].x, up[half].x), silu_times(gate[half].y, up[half].y));
    packed[2 * half + 1] =
        round_pair(silu_times(gate[half].z, up[half].z), silu_times(gate[half].w, up[half].w));
  }
  *reinterpret_cast<uint4*>(p.x + (static_cast<std::int64_t>(k) * p.rows + m) * 8) =
      uint4{packed[0], packed[1], packed[2], packed[3]};
}

__global__ void __launch_bounds__(kThreads) sum_parts(float* parts, int splits, std::int64_t count) {
  let_next_kernel_start();
  wait_for_kernels_before();
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * 4;
  if (i >= count) {
    return;
  }
  float4 sum = *reinterpret_cast<const float4*>(parts + i);
  for (int s = 1; s < splits; ++s) {
    add(sum, *reinterpret_cast<const float4*>(parts + s * count + i));
  }
  *reinterpret_cast<float4*>(parts + i) = sum;
}

}  // namespace

void launch_step_start(const StepStart& start, Stream stream) {
  launch_dependent("step_start", step_start, {dim3(static_cast<unsigned>(start.rows)), kThreads}, stream,
                   start);
}

void launch_add_norm(const AddNorm& op, Stream stream) {
  const auto threads = static_cast<unsigned>(ceil_div(op.width, 8 * kWarp) * kWarp);
  launch_dependent("add_norm", add_norm, {dim3(static_cast<unsigned>(op.rows)), threads, 256}, stream, op);
}

void launch_gate_up(const GateUp& op, Stream stream) {
  const std::int64_t count = static_cast<std::int64_t>(op.rows) * op.width / 8;
  launch_dependent("gate_up", gate_up, {dim3(static_cast<unsigned>(ceil_div(count, kThreads))), kThreads},
                   stream, op);
}

void launch_sum_parts(float* parts, int splits, std::int64_t count, Stream stream) {
  const auto blocks = static_cast<unsigned>(ceil_div(count, 4 * kThreads));
  launch_dependent("sum_parts", sum_parts, {dim3(blocks), kThreads}, stream, parts, splits, count);
}

}  // namespace routedk::kernels::cuda
