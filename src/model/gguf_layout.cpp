#include "routedk/model/gguf_layout.h"

#include <array>

#include <fmt/format.h>

namespace routedk::model {
namespace {

/// In the order of `Linear`.
constexpr std::array<const char*, kLinears> kGgufNames = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                          "ffn_gate", "ffn_up", "ffn_down"};

/// [out,...] with each head's rows [a,b] transposed.
at::Tensor transposed_heads(const at::Tensor& rows, std::int64_t a, std::int64_t b) {
  return rows.reshape({-1, a, b, rows.numel() / rows.size(0)}).transpose(1, 2).reshape(rows.sizes());
}

}  // namespace

std::string gguf_module_name(std::int64_t layer, Linear linear) {
  return fmt::format("blk.{}.{}", layer, kGgufNames[static_cast<std::size_t>(linear)]);
}

bool is_rotated(Linear linear) noexcept {
  return linear == Linear::kQ || linear == Linear::kK;
}

at::Tensor interleaved(const at::Tensor& rows, std::int64_t head_dim) {
  return transposed_heads(rows, 2, head_dim / 2);
}

at::Tensor half_split(const at::Tensor& rows, std::int64_t head_dim) {
  return transposed_heads(rows, head_dim / 2, 2);
}

}  // namespace routedk::model
