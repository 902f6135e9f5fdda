/// A Llama whose rows are whole NF4 blocks, so that it decodes in 8 bits.
#pragma once

#include "support/tiny_llama.h"

namespace routedk::testing {

inline model::LlamaConfig wide_config() {
  model::LlamaConfig c = tiny_config();
  c.hidden = 128;
  c.head_dim = 40;
  c.heads = 24;
  c.kv_heads = 3;  // no whole number of them a thread
  c.ffn = 192;
  c.vocab = 200;
  c.context = 256;
  return c;
}

}  // namespace routedk::testing
