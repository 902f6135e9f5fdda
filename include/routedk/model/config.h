/// The shape of a Llama.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/io/gguf.h"
#include "routedk/io/jsonl.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace routedk::model {

/// Llama 3.1's scaling of the rotary embedding: wavelengths above original_context / low_freq_factor tokens
/// grow by `factor`, those below original_context / high_freq_factor stay the same, those between are
/// interpolated.
struct RopeScaling {
  double factor = 8.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  std::int64_t original_context = 8192;
};

struct LlamaConfig {
  std::int64_t layers = 0;    // L
  std::int64_t hidden = 0;    // D
  std::int64_t heads = 0;     // H
  std::int64_t kv_heads = 0;  // G
  std::int64_t head_dim = 0;  // C
  std::int64_t ffn = 0;       // F
  std::int64_t vocab = 0;     // V
  std::int64_t context = 0;   ///< longest sequence that the model was trained for, in tokens
  double rms_eps = 1e-5;
  double rope_theta = 10000.0;
  std::optional<RopeScaling> rope_scaling;
  std::vector<float>
      rope_divisors;            ///< [C/2] of the inverse frequencies, or none: GGUF's `rope_freqs.weight`
                                ///< times its factor of linear scaling, the latter alone in JSON
  bool tied_head = false;       ///< logits use the embedding matrix
  bool attention_bias = false;  ///< q, k, v and o have biases
  bool mlp_bias = false;        ///< gate, up and down have biases

  /// From GGUF metadata; FileError when the architecture is not `llama` or a size is out of range.
  static LlamaConfig from_gguf(const io::GgufFile& file);
  /// From a Hugging Face config.json, with either spelling of the rotary scaling. FileError names the field
  /// by which the model differs from the Llama computed here. Fields that transformers' Llama ignores are
  /// ignored here too.
  static LlamaConfig from_json(const std::filesystem::path& file);
};

/// The fields of a Hugging Face config.json for that shape; `dtype` is that of the weights, "bfloat16".
/// Divisors from a GGUF become the equivalent Llama 3 scaling; FileError when there is none.
io::Json config_json(const LlamaConfig& config, const std::string& dtype);

/// The seven adapted linears of a layer, in the order of the checkpoint's module tree.
enum class Linear : std::uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown };
inline constexpr int kLinears = 7;

/// As PEFT's `target_modules` names them.
constexpr auto enum_names(Linear /*of*/) {
  return std::to_array<EnumName<Linear>>({{Linear::kQ, "q_proj"},
                                          {Linear::kK, "k_proj"},
                                          {Linear::kV, "v_proj"},
                                          {Linear::kO, "o_proj"},
                                          {Linear::kGate, "gate_proj"},
                                          {Linear::kUp, "up_proj"},
                                          {Linear::kDown, "down_proj"}});
}
/// All seven, in that order.
std::vector<Linear> all_linears();

/// "self_attn.q_proj" and so on, as PEFT and Hugging Face name it within a layer.
const char* linear_module(Linear linear) noexcept;
/// [out, in] of a linear.
struct LinearShape {
  std::int64_t out;
  std::int64_t in;
};
LinearShape linear_shape(const LlamaConfig& config, Linear linear) noexcept;
/// Whether the linear has a bias [out].
bool has_bias(const LlamaConfig& config, Linear linear) noexcept;

}  // namespace routedk::model
