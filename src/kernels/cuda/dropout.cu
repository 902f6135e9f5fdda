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

/// A thread four columns of a row: the four 16-bit draws of one number, each row from a new number.
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
    const DropoutRows& segment = segment_of(table, row);
    const std::int64_t number = (segment.first + row - segment.begin) * numbers + n % numbers;
    const std::uint64_t draws =
        mix64(segment.key + static_cast<std::uint64_t>(number) * 0x9E3779B97F4A7C15ULL);
    for (int i = 0; i < 4 && column + i < width; ++i) {
      const std::int64_t at = row * width + column + i;
      const auto draw = static_cast<std::uint32_t>(draws >> (16 * i) & 0xFFFFU);
      y[at] = rounded<T>(draw < rule.threshold ? 0.0F : to_float(x[at]) * rule.scale);
    }
  }
}

}  // namespace

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
