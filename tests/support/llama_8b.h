/// The shape of an 8B model, for tests and the benchmarks on a GPU.
#pragma once

#include "routedk/model/config.h"

#include <cstdint>

namespace routedk::testing {

/// Llama-3.1-8B's, with as many layers as wanted.
inline model::LlamaConfig llama_8b(std::int64_t layers) {
  model::LlamaConfig shape;
  shape.layers = layers;
  shape.hidden = 4096;
  shape.heads = 32;
  shape.kv_heads = 8;
  shape.head_dim = 128;
  shape.ffn = 14336;
  shape.vocab = 128256;
  shape.context = 8192;
  shape.rope_theta = 500000.0;
  return shape;
}

}  // namespace routedk::testing
