/// The tiny model of make_tiny_training.py and its training.
#pragma once

#include "support/forward.h"
#include "train/ten_steps.h"

namespace routedk::testing {

inline std::shared_ptr<const model::Backbone> golden_backbone(at::ScalarType dtype = at::kFloat) {
  model::LoadOptions options;
  options.quant = model::Quant::kNone;
  options.dtype = dtype;
  return std::make_shared<const model::Backbone>(
      model::Backbone::load(golden_path("tiny_llama.gguf"), options));
}

inline std::vector<train::Example> golden_examples() {
  const Golden golden("tiny_training.safetensors");
  return {{ids_of(golden["0.prompt"]), ids_of(golden["0.answer"]), 0, 0},
          {ids_of(golden["1.prompt"]), ids_of(golden["1.answer"]), 0, 1}};
}

inline TenSteps tiny_steps(at::ScalarType dtype) {
  const auto backbone = golden_backbone(dtype);
  return ten_steps(backbone, sine_expert(backbone->config(), 8.0, 0.1, 0.11), 1e-2, golden_examples());
}

}  // namespace routedk::testing
