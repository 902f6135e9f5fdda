/// Products with factors of low rank: as many rows as a batch has tokens on one side, R on the other.
#include "routedk/kernels/cpu/tile.h"

#include <algorithm>

#include "../devices.h"
#include <ATen/Parallel.h>

namespace routedk::kernels::cpu {
namespace {

constexpr std::int64_t kDepth = 256;   ///< of a panel, which stays in the first-level cache
constexpr std::int64_t kFewRows = 32;  ///< packing the factor costs more than it saves for fewer

std::int64_t panels_of(std::int64_t columns) {
  return (columns + kPanel - 1) / kPanel;
}

/// scale times [R,n] -> one panel [n,kPanel] for every kPanel ranks, zero beyond the last.
at::Tensor transposed_panels(const at::Tensor& factor, float scale) {
  const std::int64_t rank = factor.size(0);
  const std::int64_t depth = factor.size(1);
  at::Tensor panels = at::zeros({panels_of(rank), depth, kPanel}, at::kFloat);
  const auto* from = factor.const_data_ptr<float>();
  auto* const to = panels.mutable_data_ptr<float>();
  for (std::int64_t r = 0; r < rank; ++r) {
    float* const column = to + r / kPanel * depth * kPanel + r % kPanel;
    for (std::int64_t k = 0; k < depth; ++k) {
      column[k * kPanel] = scale * from[r * depth + k];
    }
  }
  return panels;
}

/// Columns first.. of x [T,n], rows begin .. begin + depth, into panels that lie behind each other.
void pack_columns(const float* x, std::int64_t width, std::int64_t depth, std::int64_t first,
                  std::int64_t panels, float* packed) {
  for (std::int64_t k = 0; k < depth; ++k) {
    for (std::int64_t p = 0; p < panels; ++p) {
      const std::int64_t begin = first + p * kPanel;
      fill_panel_row(x + k * width + begin, std::min(kPanel, width - begin),
                     packed + (p * kDepth + k) * kPanel);
    }
  }
}

/// narrow^T [R,T] times x [T,n] for some panels of x's columns.
void sum_over_tokens(const at::Tensor& narrow, const at::Tensor& x, std::int64_t first_panel,
                     std::int64_t panels, const at::Tensor& out) {
  static const TileFn tile = choose_transposed_tile();
  const std::int64_t rank = narrow.size(1);
  const std::int64_t width = x.size(1);
  const std::int64_t first = first_panel * kPanel;
  const at::Tensor memory = at::empty({panels, kDepth, kPanel}, at::kFloat);
  auto* const packed = memory.mutable_data_ptr<float>();
  const auto* const a = narrow.const_data_ptr<float>();
  auto* const c = out.mutable_data_ptr<float>();
  for (std::int64_t k = 0; k < x.size(0); k += kDepth) {
    const std::int64_t depth = std::min(kDepth, x.size(0) - k);
    pack_columns(x.const_data_ptr<float>() + k * width, width, depth, first, panels, packed);
    for (std::int64_t p = 0; p < panels; ++p) {
      const std::int64_t begin = first + p * kPanel;
      tile({a + k * rank, rank, c + begin, width, rank}, packed + p * kDepth * kPanel, depth,
           std::min(kPanel, width - begin), k > 0);
    }
  }
}

}  // namespace

at::Tensor lora_down(const at::Tensor& x, const at::Tensor& factor, double scale) {
  if (x.scalar_type() != at::kFloat || x.size(0) < kFewRows) {
    return at::mm(x, factor.to(x.scalar_type()).t()).mul_(scale);
  }
  static const TileFn tile = choose_tile();
  const at::Tensor rows = x.contiguous();
  const std::int64_t rank = factor.size(0);
  const std::int64_t depth = x.size(1);
  const at::Tensor panels = transposed_panels(factor.contiguous(), static_cast<float>(scale));
  at::Tensor out = at::empty({x.size(0), rank}, at::kFloat);
  const auto* const a = rows.const_data_ptr<float>();
  const auto* const packed = panels.const_data_ptr<float>();
  auto* const c = out.mutable_data_ptr<float>();
  at::parallel_for(0, x.size(0), kFewRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = 0; p < panels.size(0); ++p) {
      const std::int64_t width = std::min(kPanel, rank - p * kPanel);
      for (std::int64_t k = 0; k < depth; k += kDepth) {
        tile({a + begin * depth + k, depth, c + begin * rank + p * kPanel, rank, end - begin},
             packed + (p * depth + k) * kPanel, std::min(kDepth, depth - k), width, k > 0);
      }
    }
  });
  return out;
}

at::Tensor factor_gradient(const at::Tensor& narrow, const at::Tensor& x) {
  if (x.scalar_type() != at::kFloat || x.size(0) == 0) {
    return at::mm(narrow.t(), x);
  }
  const at::Tensor rows = x.contiguous();
  const at::Tensor left = narrow.contiguous();
  at::Tensor out = at::empty({left.size(1), x.size(1)}, at::kFloat);
  at::parallel_for(0, panels_of(x.size(1)), 1, [&](std::int64_t begin, std::int64_t end) {
    sum_over_tokens(left, rows, begin, end - begin, out);
  });
  return out;
}

}  // namespace routedk::kernels::cpu
