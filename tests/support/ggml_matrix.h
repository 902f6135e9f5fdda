/// Matrices in ggml's blocks of any bytes.
#pragma once

#include "routedk/kernels/ggml_blocks.h"

#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

namespace routedk::testing {

/// Bytes uniform, so that every code occurs, and scales normal.
inline kernels::GgmlBlocks random_ggml(kernels::GgmlType type, std::int64_t out, std::int64_t in,
                                       std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  const kernels::GgmlLayout layout = layout_of(type);
  const at::Tensor blocks =
      at::randint(256, {out * in / layout.elements, layout.bytes}, generator, at::kByte);
  const at::Tensor scales =
      at::normal(0.0, 0.01, {blocks.size(0), layout.scales}, generator, at::kFloat).to(at::kHalf);
  blocks.narrow(1, layout.scales_at, 2 * layout.scales).copy_(scales.view(at::kByte));
  return {type, blocks.view({out, -1})};
}

/// All types, for parameters of tests.
inline const auto kGgmlTypes = [] {
  std::vector<kernels::GgmlType> types;
  for (const auto& [type, name] : enum_names(kernels::GgmlType{})) {
    types.push_back(type);
  }
  return types;
}();

/// Of a parameter of tests.
inline const auto kGgmlName = [](const auto& test) { return std::string(name_of(test.param)); };

}  // namespace routedk::testing
