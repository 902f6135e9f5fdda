#include "routedk/kernels/sampling.h"

#include "devices.h"

namespace routedk::kernels {

std::vector<double> log_sum_exps(const at::Tensor& logits) {
  return logits.is_cuda() ? cuda::log_sum_exps(logits) : cpu::log_sum_exps(logits.contiguous());
}

std::vector<Drawn> draw_rows(const at::Tensor& logits, std::span<const RowDraw> draws,
                             const SamplingOptions& options) {
  if (draws.empty()) {
    return {};
  }
  return logits.is_cuda() ? cuda::draw_rows(logits, draws, options)
                          : cpu::draw_rows(logits.contiguous(), draws, options);
}

std::vector<float> logits_at(const at::Tensor& logits, std::span<const LogitPlace> places) {
  std::vector<std::int64_t> flat;
  for (const LogitPlace& place : places) {
    flat.push_back(place.row * logits.stride(0) + place.column);
  }
  if (flat.empty()) {
    return {};
  }
  const std::int64_t reach = (logits.size(0) - 1) * logits.stride(0) + logits.size(1);
  const at::Tensor found =
      logits.as_strided({reach}, {1}).index_select(0, at::tensor(flat).to(logits.device())).to(at::kCPU);
  const auto* from = found.const_data_ptr<float>();
  return {from, from + found.numel()};
}

}  // namespace routedk::kernels
