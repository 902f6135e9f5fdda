#include "routedk/model/backbone.h"

#include "routedk/core/error.h"
#include "routedk/kernels/gpu.h"
#include "routedk/model/parameters.h"
#include "routedk/model/weight_source.h"

#include <memory>
#include <optional>
#include <utility>

namespace routedk::model {

namespace {

/// Loads parameters in the backbone's formats.
class Loader {
 public:
  Loader(WeightSource& source, const LoadOptions& options) : source_(source), options_(options) {}

  /// A parameter that is packed in the file, on the device.
  std::optional<kernels::Weight> packed(const std::string& name, LinearShape shape) {
    auto found = source_.packed(name, shape);
    return found ? std::optional(kernels::to_device(*found, options_.device)) : std::nullopt;
  }

  at::Tensor vector(const std::string& name, std::int64_t size) {
    return source_.dense(name, {size}).to(options_.device, at::kFloat);
  }

  /// The embedding or the head: never quantised on load.
  kernels::Weight table(const std::string& name) {
    const LinearShape shape{source_.config().vocab, source_.config().hidden};
    if (held_as(options_.quant, Storage::kPacked) != Held::kDense) {
      if (auto found = packed(name, shape)) {
        return std::move(*found);
      }
    }
    return dense(name, shape);
  }

  Layer layer(std::int64_t index) {
    const std::int64_t hidden = source_.config().hidden;
    Layer layer;
    layer.attention_norm = vector(attention_norm_name(index), hidden);
    layer.mlp_norm = vector(mlp_norm_name(index), hidden);
    for (std::size_t i = 0; i < kLinears; ++i) {
      layer.linears[i] = linear(index, static_cast<Linear>(i));
    }
    return layer;
  }

 private:
  kernels::Weight dense(const std::string& name, LinearShape shape) {
    return kernels::Dense{
        source_.dense(name, {shape.out, shape.in}).to(options_.device, dense_type(options_.precision))};
  }

  kernels::FrozenLinear linear(std::int64_t index, Linear kind) {
    const LinearShape shape = linear_shape(source_.config(), kind);
    const std::string module = module_name(index, kind);
    const at::Tensor bias =
        has_bias(source_.config(), kind) ? vector(module + ".bias", shape.out) : at::Tensor();
    return kernels::FrozenLinear(weight(module + ".weight", shape), bias, options_.precision,
                                 output_type(kind));
  }

  kernels::Weight weight(const std::string& name, LinearShape shape) {
    auto found = packed(name, shape);
    const Storage dense_storage = source_.quantized() ? Storage::kExcepted : Storage::kDense;
    const Held held = held_as(options_.quant, found ? Storage::kPacked : dense_storage);
    if (found && (held == Held::kStored || (held == Held::kNf4 && is_nf4(*found)))) {
      return std::move(*found);
    }
    if (held == Held::kNf4) {
      return kernels::Nf4::quantize(source_.dense(name, {shape.out, shape.in}).to(options_.device),
                                    options_.double_quant);
    }
    return dense(name, shape);
  }

  static bool is_nf4(const kernels::Weight& weight) { return std::holds_alternative<kernels::Nf4>(weight); }

  WeightSource& source_;
  LoadOptions options_;
};

}  // namespace

Backbone Backbone::load(const std::filesystem::path& path, const LoadOptions& options) {
  if (options.device.is_cuda()) {
    kernels::use_gpu(options.device.index());
  }
  const auto source = WeightSource::open(path);
  Loader loader(*source, options);
  Backbone b;
  b.config_ = source->config();
  b.embedding_ = loader.table(kEmbedding);
  b.head_ =
      kernels::FrozenLinear(b.config_.tied_head ? b.embedding_ : loader.table(kHead), {}, options.precision);
  b.norm_ = loader.vector(kFinalNorm, b.config_.hidden);
  b.rotary_ = Rotary(b.config_, options.device);
  for (std::int64_t i = 0; i < b.config_.layers; ++i) {
    b.layers_.push_back(loader.layer(i));
  }
  source->finish();
  return b;
}

LayerPass Backbone::layer_pass(const FlatBatch& batch) const {
  return {batch, rotary_.tables(batch.positions, dtype()), batch.segments(), operand_type()};
}

at::ScalarType Backbone::operand_type() const {
  return device().is_cuda() ? dense_type(precision()) : dtype();
}

at::Tensor Backbone::forward(const FlatBatch& batch) const {
  const LayerPass pass = layer_pass(batch);
  const NoAdapters adapters;
  at::Tensor hidden = embed(batch.ids);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    TensorEngine engine(config_, layers_[i], static_cast<std::int64_t>(i), pass, adapters);
    hidden = decoder_layer(engine, hidden);
  }
  return final_norm(hidden);
}

at::Tensor Backbone::final_norm(const at::Tensor& hidden) const {
  return kernels::rms_norm(hidden, norm_, config_.rms_eps);
}

at::Tensor Backbone::logits(const at::Tensor& hidden) const {
  return head_.forward(hidden).to(at::kFloat);
}

std::int64_t Backbone::bytes() const {
  const auto held = [](const at::Tensor& t) {
    return t.numel() * static_cast<std::int64_t>(t.element_size());
  };
  std::int64_t total = kernels::bytes(embedding_) + held(norm_) + (config_.tied_head ? 0 : head_.bytes());
  for (const Layer& layer : layers_) {
    total += held(layer.attention_norm) + held(layer.mlp_norm);
    for (const auto& linear : layer.linears) {
      total += linear.bytes();
    }
  }
  return total;
}

}  // namespace routedk::model
