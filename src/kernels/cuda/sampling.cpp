#include "routedk/kernels/sampling.h"

#include "../devices.h"
#include "launch.h"
#include "sampling_kernels.h"
#include "tensors.h"

namespace routedk::kernels::cuda {
namespace {

/// Rows of logits, and memory for their sums.
struct SummedRows {
  at::Tensor floats;   // [n, segments + 1]
  at::Tensor doubles;  // [n, segments + 1]
  LogitRows rows;
  RowSums sums;

  explicit SummedRows(const at::Tensor& logits)
      : rows{data<float>(logits), logits.stride(0), static_cast<int>(logits.size(1)),
             static_cast<int>(logits.size(0)), static_cast<int>(ceil_div(logits.size(1), kSegment))} {
    const std::int64_t n = logits.size(0);
    const std::int64_t segments = rows.segments;
    floats = at::empty({n * (segments + 1)}, logits.options());
    doubles = at::empty({n * (segments + 1)}, logits.options().dtype(at::kDouble));
    sums = {mutable_data<float>(floats), mutable_data<double>(doubles),
            mutable_data<float>(floats) + n * segments, mutable_data<double>(doubles) + n * segments};
    launch_log_sums(rows, sums, current_stream());
  }
};

}  // namespace

std::vector<double> log_sum_exps(const at::Tensor& logits) {
  const SummedRows summed(logits);
  const at::Tensor log_sums =
      summed.doubles.narrow(0, summed.rows.rows * summed.rows.segments, summed.rows.rows).to(at::kCPU);
  const auto* from = data<double>(log_sums);
  return {from, from + log_sums.numel()};
}

std::vector<Drawn> draw_rows(const at::Tensor& logits, std::span<const RowDraw> draws,
                             const SamplingOptions& options) {
  const bool keeps_all = options.top_k == 0 && options.top_p >= 1.0 && options.min_p <= 0.0;
  if (!keeps_all && options.temperature != 0.0) {
    return cpu::draw_rows(logits.to(at::kCPU).contiguous(), draws, options);
  }
  const SummedRows summed(logits);
  const auto count = static_cast<std::int64_t>(draws.size());
  const at::Tensor host = at::empty({count * static_cast<std::int64_t>(sizeof(DeviceDraw))}, at::kByte);
  auto* to = reinterpret_cast<DeviceDraw*>(mutable_data<std::uint8_t>(host));
  for (const RowDraw& draw : draws) {
    *to++ = {static_cast<int>(draw.row), 0, draw.uniform};
  }
  const at::Tensor given = host.to(logits.device());
  const at::Tensor drawn =
      at::empty({count * static_cast<std::int64_t>(sizeof(DeviceDrawn))}, given.options());
  launch_draws(summed.rows, summed.sums, reinterpret_cast<const DeviceDraw*>(data<std::uint8_t>(given)),
               static_cast<int>(count), options.temperature,
               reinterpret_cast<DeviceDrawn*>(mutable_data<std::uint8_t>(drawn)), current_stream());
  const at::Tensor found = drawn.to(at::kCPU);
  const auto* from = reinterpret_cast<const DeviceDrawn*>(data<std::uint8_t>(found));
  std::vector<Drawn> all;
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back({from[i].column, from[i].value, from[i].log_sum});
  }
  return all;
}

}  // namespace routedk::kernels::cuda
