/// The shape of a Llama.
#pragma once

#include "routedk/io/gguf.h"

#include <cstdint>

namespace routedk::model {

struct LlamaConfig {
  std::int64_t layers = 0;    // L
  std::int64_t hidden = 0;    // D
  std::int64_t heads = 0;     // H
  std::int64_t kv_heads = 0;  // G
  std::int64_t head_dim = 0;  // C
  std::int64_t ffn = 0;       // F
  std::int64_t vocab = 0;     // V
  std::int64_t context = 0;   ///< longest sequence the model was made for, in tokens
  double rms_eps = 1e-5;
  double rope_theta = 10000.0;
  bool tied_head = false;  ///< logits use the embedding matrix

  /// From GGUF metadata; FileError when the architecture is not `llama` or a size is out of range.
  static LlamaConfig from_gguf(const io::GgufFile& file);
};

/// The seven adapted linears of a layer, in the order of the checkpoint's module tree.
enum class Linear : std::uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown };
inline constexpr int kLinears = 7;

/// "self_attn.q_proj" and so on, as PEFT and Hugging Face name it below a layer.
const char* linear_module(Linear linear) noexcept;
/// [out, in] of a linear.
struct LinearShape {
  std::int64_t out;
  std::int64_t in;
};
LinearShape linear_shape(const LlamaConfig& config, Linear linear) noexcept;

}  // namespace routedk::model
