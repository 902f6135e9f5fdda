#include "graph_launch.h"
#include "sampling_kernels.h"

namespace routedk::kernels::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kPerThread = kSegment / static_cast<int>(kThreads);

/// The sum over all threads, in their order, in shared memory; returned to each.
ROUTEDK_DEVICE double block_total(double x, double* scratch) {
  scratch[threadIdx.x] = x;
  __syncthreads();
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) {
      scratch[threadIdx.x] += scratch[threadIdx.x + half];
    }
    __syncthreads();
  }
  const double total = scratch[0];
  __syncthreads();
  return total;
}
ROUTEDK_DEVICE float block_largest(float x, float* scratch) {
  x = warp_max(x);
  if (threadIdx.x % kWarp == 0) {
    scratch[threadIdx.x / kWarp] = x;
  }
  __syncthreads();
  float largest = scratch[0];
  for (unsigned warp = 1; warp < kThreads / kWarp; ++warp) {
    largest = fmaxf(largest, scratch[warp]);
  }
  __syncthreads();
  return largest;
}

/// One block per segment: its sum, and its largest value unless that of the row is known.
__global__ void __launch_bounds__(kThreads) sum_segments(const LogitRows logits, const RowSums sums,
                                                         bool row_is_known, float inverse_temperature) {
  auto* scratch = reinterpret_cast<double*>(shared_memory());
  const auto row = static_cast<std::int64_t>(blockIdx.y);
  const auto begin = static_cast<int>(blockIdx.x) * kSegment;
  const float* values = logits.values + row * logits.stride;
  float mine[kPerThread];
  float largest = -INFINITY;
  for (int i = 0; i < kPerThread; ++i) {
    const int column = begin + i * static_cast<int>(kThreads) + static_cast<int>(threadIdx.x);
    mine[i] = column < logits.columns ? values[column] : -INFINITY;
    largest = fmaxf(largest, mine[i]);
  }
  const std::int64_t segment = row * logits.segments + blockIdx.x;
  if (row_is_known) {
    largest = sums.largest[row];
  } else {
    largest = block_largest(largest, reinterpret_cast<float*>(scratch));
  }
  double sum = 0.0;
  for (int i = 0; i < kPerThread; ++i) {
    const int column = begin + i * static_cast<int>(kThreads) + static_cast<int>(threadIdx.x);
    sum += column < logits.columns ? static_cast<double>(expf((mine[i] - largest) * inverse_temperature)) : 0.0;
  }
  sum = block_total(sum, scratch);
  if (threadIdx.x == 0) {
    sums.segment_sums[segment] = sum;
    if (!row_is_known) {
      sums.segment_largest[segment] = largest;
    }
  }
}

/// One warp per row.
__global__ void __launch_bounds__(kWarp) join_segments(const LogitRows logits, const RowSums sums) {
  const auto row = static_cast<std::int64_t>(blockIdx.x);
  const float* largest_of = sums.segment_largest + row * logits.segments;
  float largest = -INFINITY;
  for (int i = static_cast<int>(threadIdx.x); i < logits.segments; i += static_cast<int>(kWarp)) {
    largest = fmaxf(largest, largest_of[i]);
  }
  largest = warp_max(largest);
  if (threadIdx.x != 0) {
    return;
  }
  double sum = 0.0;
  for (int i = 0; i < logits.segments; ++i) {
    sum += sums.segment_sums[row * logits.segments + i] * exp(static_cast<double>(largest_of[i] - largest));
  }
  sums.largest[row] = largest;
  sums.log_sums[row] = static_cast<double>(largest) + log(sum);
}

/// The index, among `count` ordered sums, that the target falls into; `before`: the total of the earlier
/// ones.
ROUTEDK_DEVICE int place_among(const double* values, int count, double target, double& before) {
  before = 0.0;
  for (int i = 0; i + 1 < count; ++i) {
    if (before + values[i] > target) {
      return i;
    }
    before += values[i];
  }
  return count - 1;
}

/// One block per draw; each thread searches adjacent columns of the segment that the draw falls into.
__global__ void __launch_bounds__(kThreads) draw_tokens(const LogitRows logits, const RowSums sums,
                                                        const DeviceDraw* draws, float inverse_temperature,
                                                        bool greedy, DeviceDrawn* drawn) {
  auto* partial = reinterpret_cast<double*>(shared_memory());  // [threads]
  auto* shared = partial + kThreads;                           // {target within the segment, segment, thread}
  const DeviceDraw draw = draws[blockIdx.x];
  const auto tid = static_cast<int>(threadIdx.x);
  const auto row = static_cast<std::int64_t>(draw.row);
  const float largest = sums.largest[row];
  const double* segment_sums = sums.segment_sums + row * logits.segments;
  if (tid == 0) {
    double before = 0.0;
    int segment = 0;
    if (greedy) {
      while (sums.segment_largest[row * logits.segments + segment] < largest) {
        ++segment;
      }
    } else {
      double total = 0.0;
      for (int i = 0; i < logits.segments; ++i) {
        total += segment_sums[i];
      }
      shared[0] = draw.uniform * total;
      segment = place_among(segment_sums, logits.segments, shared[0], before);
      shared[0] -= before;
    }
    shared[1] = segment;
  }
  __syncthreads();
  const float* values = logits.values + row * logits.stride;
  const int begin = static_cast<int>(shared[1]) * kSegment + tid * kPerThread;
  const auto weight = [&](int column) {
    return greedy ? (values[column] == largest ? 1.0 : 0.0)
                  : static_cast<double>(expf((values[column] - largest) * inverse_temperature));
  };
  double sum = 0.0;
  for (int i = 0; i < kPerThread; ++i) {
    sum += begin + i < logits.columns ? weight(begin + i) : 0.0;
  }
  partial[tid] = sum;
  const double target = greedy ? 0.0 : shared[0];
  __syncthreads();
  if (tid == 0) {
    const int left = logits.columns - static_cast<int>(shared[1]) * kSegment;
    const int threads = left < kSegment ? (left + kPerThread - 1) / kPerThread : static_cast<int>(kThreads);
    double before = 0.0;
    shared[2] = place_among(partial, threads, target, before);
    shared[0] = target - before;
  }
  __syncthreads();
  if (tid == static_cast<int>(shared[2])) {
    double before = 0.0;
    int column = begin;
    for (; column + 1 < logits.columns && column + 1 < begin + kPerThread; ++column) {
      before += weight(column);
      if (before > shared[0]) {
        break;
      }
    }
    drawn[blockIdx.x] = {column, values[column], sums.log_sums[row]};
  }
}

dim3 segment_blocks(const LogitRows& logits) {
  return dim3(static_cast<unsigned>(logits.segments), static_cast<unsigned>(logits.rows));
}

}  // namespace

void launch_log_sums(const LogitRows& logits, const RowSums& sums, Stream stream) {
  launch("log_sum_exps", sum_segments, {segment_blocks(logits), kThreads, kThreads * sizeof(double)}, stream,
         logits, sums, false, 1.0F);
  launch("log_sum_exps", join_segments, {dim3(static_cast<unsigned>(logits.rows)), kWarp}, stream, logits,
         sums);
}

void launch_draws(const LogitRows& logits, const RowSums& sums, const DeviceDraw* draws, int count,
                  double temperature, DeviceDrawn* drawn, Stream stream) {
  const bool greedy = temperature == 0.0;
  const float inverse = greedy ? 1.0F : static_cast<float>(1.0 / temperature);
  if (!greedy) {
    launch("draw_rows", sum_segments, {segment_blocks(logits), kThreads, kThreads * sizeof(double)}, stream,
           logits, sums, true, inverse);
  }
  launch("draw_rows", draw_tokens,
         {dim3(static_cast<unsigned>(count)), kThreads, (kThreads + 3) * sizeof(double)}, stream, logits, sums,
         draws, inverse, greedy, drawn);
}

}  // namespace routedk::kernels::cuda
