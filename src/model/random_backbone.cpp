#include "routedk/model/backbone.h"

#include <ATen/CPUGeneratorImpl.h>

namespace routedk::model {

Backbone Backbone::random(const LlamaConfig& config, const LoadOptions& options, std::uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  const at::Device device = options.device;
  if (device.is_cuda()) {
    at::manual_seed(seed);
  }
  const auto matrix = [&](std::int64_t rows, std::int64_t cols) {
    return device.is_cuda() ? at::randn({rows, cols}, at::TensorOptions(device).dtype(at::kFloat)).mul_(0.02)
                            : at::normal(0.0, 0.02, {rows, cols}, generator, at::kFloat);
  };
  const at::ScalarType type = dense_type(options.precision);
  const auto linear = [&](Linear kind) {
    const LinearShape shape = linear_shape(config, kind);
    const at::Tensor dense = matrix(shape.out, shape.in);
    return kernels::FrozenLinear(held_as(options.quant, Storage::kDense) == Held::kNf4
                                     ? kernels::Weight(kernels::Nf4::quantize(dense, options.double_quant))
                                     : kernels::Weight(kernels::Dense{dense.to(type)}),
                                 {}, options.precision, output_type(kind));
  };
  Backbone b;
  b.config_ = config;
  const auto table = [&] {
    return kernels::Weight(kernels::Dense{matrix(config.vocab, config.hidden).to(type)});
  };
  b.embedding_ = table();
  b.head_ = kernels::FrozenLinear(config.tied_head ? b.embedding_ : table(), {}, options.precision);
  b.norm_ = at::ones({config.hidden}, at::TensorOptions(device).dtype(at::kFloat));
  b.rotary_ = Rotary(config, device);
  for (std::int64_t i = 0; i < config.layers; ++i) {
    Layer layer;
    layer.attention_norm = at::ones({config.hidden}, at::TensorOptions(device).dtype(at::kFloat));
    layer.mlp_norm = at::ones({config.hidden}, at::TensorOptions(device).dtype(at::kFloat));
    for (int kind = 0; kind < kLinears; ++kind) {
      layer.linears[static_cast<std::size_t>(kind)] = linear(static_cast<Linear>(kind));
    }
    b.layers_.push_back(std::move(layer));
  }
  return b;
}

}  // namespace routedk::model
