/// Sums and draws over rows of logits, which are divided into segments.
#pragma once

#include <cstdint>

#include "device.h"

namespace routedk::kernels::cuda {

constexpr int kSegment = 2048;  // logits

struct LogitRows {
  const float* values;  // [n, stride]
  std::int64_t stride;
  int columns;   // V
  int rows;      // n
  int segments;  // per row
};
/// Sums of each segment [n,segments] and row [n].
struct RowSums {
  float* segment_largest;
  double* segment_sums;  ///< of e^((x - largest) / temperature)
  float* largest;
  double* log_sums;  ///< log(sum(e^x))
};
/// The largest value of each segment and row, the sums at temperature 1, and their logarithms.
void launch_log_sums(const LogitRows& logits, const RowSums& sums, Stream stream);

struct DeviceDraw {
  int row;
  int padding;
  double uniform;
};
struct DeviceDrawn {
  int column;
  float value;
  double log_sum;
};
/// Draws like kernels/sampling.h with all tokens kept. Overwrites the segments' sums; the largest values must
/// be known.
void launch_draws(const LogitRows& logits, const RowSums& sums, const DeviceDraw* draws, int count,
                  double temperature, DeviceDrawn* drawn, Stream stream);

}  // namespace routedk::kernels::cuda
