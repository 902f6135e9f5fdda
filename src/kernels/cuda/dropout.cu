#include "routedk/core/random.h"

#include "launch.h"
#include "launchers.h"

namespace routedk::kernels::cuda {
namespace {

ROUTEDK_DEVICE const DropoutRows& segment_of(const DropoutTable& table, std::int64_t row) {
  int low = 0;
  int high = table.count - 1;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (row < table.rows[middle].end) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return table.rows[low];
}

/// The four draws of columns 4 c .. 4 c + 3 of a row.
ROUTEDK_DEVICE std::uint64_t draws_of(const DropoutRows& segment, std::int64_t row, std::int64_t numbers,
                                      std::int64_t c) {
  const std::int64_t number = (segment.first + row - segment.begin) * numbers + c;
  return mix64(segment.key + static_cast<std::uint64_t>(number) * 0x9E3779B97F4A7C15ULL);
}

/// One thread per four columns of a row: four 16-bit draws per number; each row starts a new number.
template <typename T>
__global__ void drop_elements(const T* x, T* y, std::int64_t width, const __grid_constant__ DropoutTable table,
                              DropoutRule rule) {
  const std::int64_t numbers = (width + 3) / 4;
  const std::int64_t begin = table.rows[0].begin;
  const std::int64_t count = (table.rows[table.count - 1].end - begin) * numbers;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t n = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; n < count;
       n += step) {
    const std::int64_t row = begin + n / numbers;
    const std::int64_t column = n % numbers * 4;
    const std::uint64_t draws = draws_of(segment_of(table, row), row, numbers, n % numbers);
    for (int i = 0; i < 4 && column + i < width; ++i) {
      const std::int64_t at = row * width + column + i;
      const auto draw = static_cast<std::uint32_t>(draws >> (16 * i) & 0xFFFFU);
      y[at] = rounded<T>(draw < rule.threshold ? 0.0F : to_float(x[at]) * rule.scale);
    }
  }
}

constexpr int kRows = 8;  ///< per thread; they share what it reads of `right`
constexpr unsigned kColumnThreads = 128;

/// One thread per four columns of eight rows.
template <typename T>
__global__ void add_dropped_products(DroppedProduct<T> of, const __grid_constant__ DropoutTable table,
                                     DropoutRule rule) {
  const std::int64_t numbers = (of.width + 3) / 4;
  const std::int64_t c = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  const std::int64_t begin = table.rows[0].begin;
  const std::int64_t end = table.rows[table.count - 1].end;
  const std::int64_t first = begin + blockIdx.y * static_cast<std::int64_t>(kRows);
  if (c >= numbers) {
    return;
  }
  float sums[kRows][4] = {};
  for (std::int64_t r = 0; r < of.rank; ++r) {
    float right[4];
    for (int i = 0; i < 4; ++i) {
      right[i] = 4 * c + i < of.width ? to_float(of.right[r * of.width + 4 * c + i]) : 0.0F;
    }
    for (int row = 0; row < kRows; ++row) {
      const float left = first + row < end ? to_float(of.left[(first + row) * of.left_stride + r]) : 0.0F;
      for (int i = 0; i < 4; ++i) {
        sums[row][i] += left * right[i];
      }
    }
  }
  for (int row = 0; row < kRows && first + row < end; ++row) {
    const std::uint64_t draws = draws_of(segment_of(table, first + row), first + row, numbers, c);
    for (int i = 0; i < 4 && 4 * c + i < of.width; ++i) {
      T& to = of.sum[(first + row) * of.width + 4 * c + i];
      if (static_cast<std::uint32_t>(draws >> (16 * i) & 0xFFFFU) >= rule.threshold) {
        to = rounded<T>(to_float(to) + sums[row][i] * rule.scale);
      }
    }
  }
}

template <typename T>
__global__ void scale_elements(const float* from, float scale, T* to, std::int64_t count) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x; i < count; i += step) {
    to[i] = rounded<T>(from[i] * scale);
  }
}

}  // namespace

template <typename T>
void launch_add_dropped_product(const DroppedProduct<T>& of, const DropoutTable& table,
                                const DropoutRule& rule, Stream stream) {
  const std::int64_t rows = table.rows[table.count - 1].end - table.rows[0].begin;
  const Grid grid{dim3(static_cast<unsigned>(ceil_div(ceil_div(of.width, 4), kColumnThreads)),
                       static_cast<unsigned>(ceil_div(rows, kRows))),
                  kColumnThreads};
  launch("dropout", add_dropped_products<T>, grid, stream, of, table, rule);
}
template void launch_add_dropped_product(const DroppedProduct<float>&, const DropoutTable&, const DropoutRule&,
                                         Stream);
template void launch_add_dropped_product(const DroppedProduct<BFloat16>&, const DropoutTable&,
                                         const DropoutRule&, Stream);

template <typename T>
void launch_scaled(const float* from, float scale, T* to, std::int64_t count, Stream stream) {
  launch("scale", scale_elements<T>, grid_for(count), stream, from, scale, to, count);
}
template void launch_scaled(const float*, float, float*, std::int64_t, Stream);
template void launch_scaled(const float*, float, BFloat16*, std::int64_t, Stream);

template <typename T>
void launch_dropout(const T* x, T* y, std::int64_t width, const DropoutTable& table, const DropoutRule& rule,
                    Stream stream) {
  const std::int64_t rows = table.rows[table.count - 1].end - table.rows[0].begin;
  launch("dropout", drop_elements<T>, grid_for(rows * ceil_div(width, 4)), stream, x, y, width, table, rule);
}

template void launch_dropout(const float*, float*, std::int64_t, const DropoutTable&, const DropoutRule&,
                             Stream);
template void launch_dropout(const BFloat16*, BFloat16*, std::int64_t, const DropoutTable&,
                             const DropoutRule&, Stream);

}  // namespace routedk::kernels::cuda
