/// Loading without quantising.
#pragma once

#include "routedk/model/load_options.h"

namespace routedk::testing {

inline model::LoadOptions dense(kernels::Precision precision = kernels::Precision::kFloat32) {
  model::LoadOptions options;
  options.quant = model::Quant::kNone;
  options.precision = precision;
  return options;
}

}  // namespace routedk::testing
