/// The tiny model of make_tiny_training.py and its training.
#pragma once

#include "support/dense.h"
#include "support/forward.h"
#include "train/ten_steps.h"

namespace routedk::testing {

inline std::shared_ptr<const model::Backbone> golden_backbone(
    kernels::Precision precision = kernels::Precision::kFloat32) {
  return std::make_shared<const model::Backbone>(
      model::Backbone::load(golden_path("tiny_llama.gguf"), dense(precision)));
}

inline std::vector<train::Example> golden_examples() {
  const Golden golden("tiny_training.safetensors");
  return {{ids_of(golden["0.prompt"]), ids_of(golden["0.answer"]), 0, 0},
          {ids_of(golden["1.prompt"]), ids_of(golden["1.answer"]), 0, 1}};
}

inline TenSteps tiny_steps(kernels::Precision precision) {
  const auto backbone = golden_backbone(precision);
  return ten_steps(backbone, sine_expert(backbone->config(), 8.0, 0.1, 0.11), 1e-2, golden_examples());
}

inline Gradients tiny_second_gradients(kernels::Precision precision, const Gradients& first) {
  const auto backbone = golden_backbone(precision);
  return second_gradients(backbone, sine_expert(backbone->config(), 8.0, 0.1, 0.11), 1e-2, golden_examples(),
                          first);
}

}  // namespace routedk::testing
