#include "routedk/experts/gguf_lora.h"

#include "routedk/core/error.h"
#include "routedk/io/gguf_writer.h"
#include "routedk/model/gguf_layout.h"
#include "routedk/quant/tensor_view.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

namespace routedk::experts {
namespace {

/// An expert's part in one linear of the mix.
struct Share {
  at::Tensor a;   // [r,in]
  at::Tensor bt;  // [r,out]
  double weight;  // alpha s
};

/// One adapted linear of the file.
struct MixedLinear {
  std::int64_t layer;
  model::Linear linear;
  std::vector<Share> shares;
  std::int64_t rank = 0;  // R

  std::string name(const char* factor) const {
    return model::gguf_module_name(layer, linear) + ".weight.lora_" + factor;
  }
};

MixedLinear mixed_linear(const ExpertBank& bank, const at::Tensor& weights, std::int64_t layer,
                         model::Linear linear) {
  MixedLinear mixed{layer, linear, {}};
  for (std::int64_t i = 0; i < bank.size(); ++i) {
    const LoraFactors& factors = bank[i].factors(layer, linear);
    const auto weight = weights[layer][i].item<double>();
    if (factors.a.defined() && weight != 0.0) {
      mixed.shares.push_back({factors.a.detach(), factors.bt.detach(), weight * factors.scale});
      mixed.rank += factors.a.size(0);
    }
  }
  return mixed;
}

std::vector<MixedLinear> mixed_linears(const ExpertBank& bank, const at::Tensor& weights,
                                       const model::LlamaConfig& model) {
  std::vector<MixedLinear> adapted;
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    for (int i = 0; i < model::kLinears; ++i) {
      MixedLinear mixed = mixed_linear(bank, weights, layer, static_cast<model::Linear>(i));
      if (mixed.rank > 0) {
        adapted.push_back(std::move(mixed));
      }
    }
  }
  if (adapted.empty()) {
    throw_<ConfigError>("a GGUF LoRA must adapt at least 1 linear, but the mix of experts adapts none");
  }
  return adapted;
}

/// [R,in]
at::Tensor stacked_a(const MixedLinear& mixed) {
  std::vector<at::Tensor> parts;
  for (const Share& share : mixed.shares) {
    parts.push_back(share.a);
  }
  return at::cat(parts);
}

/// [out,R], rows in GGUF's order; `alpha` is the file's.
at::Tensor stacked_b(const MixedLinear& mixed, std::int64_t alpha, const model::LlamaConfig& model) {
  const double undone = static_cast<double>(mixed.rank) / static_cast<double>(alpha);
  std::vector<at::Tensor> parts;
  for (const Share& share : mixed.shares) {
    parts.push_back(share.bt * (share.weight * undone));
  }
  const at::Tensor b = at::cat(parts).t().contiguous();
  return model::is_rotated(mixed.linear) ? model::interleaved(b, model.head_dim) : b;
}

io::GgmlType ggml_type(FactorType type) {
  return type == FactorType::kF16 ? io::GgmlType::kF16 : io::GgmlType::kF32;
}

/// ggml's codes for the type of most tensors in a file (LLAMA_FTYPE_ALL_F32, LLAMA_FTYPE_MOSTLY_F16).
std::uint32_t file_type(FactorType type) {
  return type == FactorType::kF16 ? 1 : 0;
}

std::vector<io::GgufKey> keys_of(const std::filesystem::path& file, FactorType type, std::int64_t alpha) {
  return {{"general.architecture", "llama"},
          {"general.type", "adapter"},
          {"general.name", escaped(file.stem().string())},
          {"general.file_type", file_type(type)},
          {"adapter.type", "lora"},
          {"adapter.lora.alpha", static_cast<float>(alpha)}};
}

std::vector<io::GgufTensor> announced(const std::vector<MixedLinear>& linears,
                                      const model::LlamaConfig& model, FactorType type) {
  std::vector<io::GgufTensor> tensors;
  for (const MixedLinear& mixed : linears) {
    const model::LinearShape shape = linear_shape(model, mixed.linear);
    tensors.push_back({mixed.name("a"), ggml_type(type), {mixed.rank, shape.in}, {}, nullptr});
    tensors.push_back({mixed.name("b"), ggml_type(type), {shape.out, mixed.rank}, {}, nullptr});
  }
  return tensors;
}

void append(io::GgufWriter& writer, const std::string& name, const at::Tensor& values, FactorType type) {
  const at::Tensor stored =
      values.to(at::kCPU, type == FactorType::kF16 ? at::kHalf : at::kFloat).contiguous();
  if (!at::isfinite(stored).all().item<bool>()) {
    throw_<ConfigError>("the numbers of `{}` must fit {}, but one is too large", name, type);
  }
  const io::TensorView view = quant::to_view(name, stored);
  writer.append({name, ggml_type(type), view.shape, view.bytes, nullptr});
}

}  // namespace

GgufLora save_gguf_lora(const ExpertBank& bank, const at::Tensor& weights, const model::LlamaConfig& model,
                        FactorType type, const std::filesystem::path& file) {
  const at::NoGradGuard no_grad;
  const std::vector<MixedLinear> linears = mixed_linears(bank, weights, model);
  const std::int64_t alpha = std::ranges::max_element(linears, {}, &MixedLinear::rank)->rank;
  io::GgufWriter writer(file, keys_of(file, type, alpha), announced(linears, model, type));
  for (const MixedLinear& mixed : linears) {
    append(writer, mixed.name("a"), stacked_a(mixed), type);
    append(writer, mixed.name("b"), stacked_b(mixed, alpha, model), type);
  }
  writer.commit();
  return {static_cast<std::int64_t>(linears.size()), alpha};
}

}  // namespace routedk::experts
