#include "engine.h"

#include "cuda_engine.h"
#include "int8_engine.h"
#include "reference_engine.h"
#include <spdlog/spdlog.h>

namespace routedk::decode {

std::unique_ptr<Engine> make_engine(const experts::RoutedModel& model, Kernels kernels) {
  if (kernels == Kernels::kInt8 && CudaEngine::fits(model)) {
    auto engine = std::make_unique<CudaEngine>(model);
    if (engine->most_rows() > 0) {
      return engine;
    }
    spdlog::warn("decoding on tensors: this GPU's shared memory is too small for the kernels of its steps");
  }
  if (kernels == Kernels::kInt8 && Int8Model::fits(model)) {
    return std::make_unique<Int8Engine>(model);
  }
  return std::make_unique<ReferenceEngine>(model);
}

}  // namespace routedk::decode
