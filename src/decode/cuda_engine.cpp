#include "cuda_engine.h"

#include "routedk/kernels/gpu.h"
#include "routedk/kernels/values.h"
#include "routedk/model/rotary.h"

#include <algorithm>
#include <optional>

#include <ATen/core/grad_mode.h>

namespace routedk::decode {
namespace {

using kernels::cuda::DecodeStep;
using kernels::cuda::StepFormat;
using kernels::cuda::StepLayer;
using kernels::cuda::StepLinear;
using kernels::cuda::StepShape;

constexpr std::int64_t kMostSteps = 4;  // for one pass; longer passes are faster on tensors

StepShape shape_of(const experts::RoutedModel& model) {
  const model::LlamaConfig& c = model.backbone().config();
  return {c.layers, c.hidden, c.heads, c.kv_heads, c.head_dim, c.ffn, c.vocab, model.bank().size(),
          c.rms_eps};
}

/// All experts' factors for one linear, stacked.
StepLinear step_linear(const experts::RoutedModel& model, std::int64_t layer, model::Linear kind) {
  StepLinear linear{&model.backbone().layers()[static_cast<std::size_t>(layer)][kind].weight(), {}, {}, {}};
  std::vector<at::Tensor> a;
  std::vector<at::Tensor> bt;
  for (std::int64_t k = 0; k < model.bank().size(); ++k) {
    const experts::LoraFactors& f = model.bank()[k].factors(layer, kind);
    if (f.a.defined()) {
      a.push_back(f.a.detach().to(at::kFloat));
      bt.push_back(f.bt.detach().to(at::kFloat) * f.scale);
      linear.expert.insert(linear.expert.end(), static_cast<std::size_t>(f.a.size(0)),
                           static_cast<std::uint8_t>(k));
    }
  }
  if (!a.empty()) {
    linear.a = at::cat(a, 0);
    linear.bt = at::cat(bt, 0);
  }
  return linear;
}

StepLayer step_layer(const experts::RoutedModel& model, std::int64_t index) {
  const model::Layer& from = model.backbone().layers()[static_cast<std::size_t>(index)];
  StepLayer layer{from.attention_norm, from.mlp_norm, {}};
  for (int i = 0; i < model::kProjections; ++i) {
    for (const model::Linear kind : model::linears_of(static_cast<model::Projection>(i))) {
      layer.projections.at(static_cast<std::size_t>(i)).push_back(step_linear(model, index, kind));
    }
  }
  return layer;
}

bool all_fit(const model::Backbone& backbone, StepFormat format) {
  return std::all_of(backbone.layers().begin(), backbone.layers().end(), [&](const model::Layer& layer) {
    return std::all_of(layer.linears.begin(), layer.linears.end(), [&](const kernels::FrozenLinear& linear) {
      return !linear.bias().defined() && DecodeStep::fits(linear.weight(), format);
    });
  });
}

std::int64_t decoded_bytes(const model::Backbone& backbone) {
  std::int64_t elements = 0;
  for (const model::Layer& layer : backbone.layers()) {
    for (const kernels::FrozenLinear& linear : layer.linears) {
      elements += linear.out_features() * linear.in_features();
    }
  }
  return elements * 2;
}

/// NF4 if all linears are; else decoded, if that takes at most a third of the GPU's free memory.
std::optional<StepFormat> format_of(const model::Backbone& backbone) {
  if (all_fit(backbone, StepFormat::kNf4)) {
    return StepFormat::kNf4;
  }
  if (all_fit(backbone, StepFormat::kBf16) && decoded_bytes(backbone) <= kernels::gpu_free_bytes() / 3) {
    return StepFormat::kBf16;
  }
  return std::nullopt;
}

}  // namespace

bool CudaEngine::fits(const experts::RoutedModel& model) {
  const model::Backbone& backbone = model.backbone();
  const model::LlamaConfig& config = backbone.config();
  return backbone.device().is_cuda() && backbone.precision() == kernels::Precision::kBFloat16 &&
         !config.attention_bias && !config.mlp_bias && DecodeStep::fits(shape_of(model)) &&
         format_of(backbone).has_value();
}

CudaEngine::CudaEngine(const experts::RoutedModel& model) : model_(model), reference_(model) {
  const at::NoGradGuard no_grad;
  const model::Backbone& backbone = model.backbone();
  step_ = std::make_unique<DecodeStep>(shape_of(model), format_of(backbone).value(),
                                       kernels::dequantize(backbone.embedding(), at::kBFloat16),
                                       kernels::dequantize(backbone.head().weight(), at::kBFloat16),
                                       backbone.norm(), model::inverse_frequencies(backbone.config()));
  for (std::int64_t l = 0; l < backbone.config().layers; ++l) {
    step_->add_layer(step_layer(model, l));
  }
  most_rows_ = step_->most_rows();
}

std::vector<CudaEngine::Row> CudaEngine::step_rows(const model::FlatBatch& batch, const experts::Gate& gate,
                                                   std::span<const kernels::CacheRow> rows) const {
  const auto of_prompt = [](const kernels::CacheRow& row) {
    return row.branch == kernels::CacheRow::kPrompt;
  };
  if (std::ssize(rows) > kMostSteps * most_rows_ || std::any_of(rows.begin(), rows.end(), of_prompt) ||
      dynamic_cast<const experts::FrozenGate*>(&gate) == nullptr) {
    return {};
  }
  const auto ids = kernels::values<std::int64_t>(batch.ids);
  const auto positions = kernels::values<std::int64_t>(batch.positions);
  const auto sequences = kernels::values<std::int64_t>(batch.seq_of_token);
  std::vector<Row> all;
  all.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    all.push_back({ids[i], positions[i], sequences[i], rows[i]});
  }
  return all;
}

experts::RoutedOutput CudaEngine::forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                          std::span<const kernels::CacheRow> rows,
                                          kernels::KvCache& cache) const {
  const std::vector<Row> all = step_rows(batch, gate, rows);
  if (all.empty()) {
    return reference_.forward(batch, gate, rows, cache);
  }
  experts::RoutedOutput output;
  for (std::int64_t l = 0; l < model_.backbone().config().layers; ++l) {
    output.rows.push_back(gate.rows(l, {}, batch));
  }
  if (!first_alpha_.is_same(output.rows[0].alpha)) {
    std::vector<at::Tensor> alphas;
    for (const experts::GateRows& layer : output.rows) {
      alphas.push_back(layer.alpha);
    }
    alpha_ = at::stack(alphas, 0).to(model_.backbone().device(), at::kFloat);
    first_alpha_ = output.rows[0].alpha;
  }
  run(all, cache);
  output.hidden = output_.hidden;
  return output;
}

void CudaEngine::run(std::span<const Row> rows, const kernels::KvCache& cache) const {
  if (std::ssize(rows) <= most_rows_) {
    output_ = step_->run(rows, alpha_, cache);
    return;
  }
  std::vector<at::Tensor> hidden;
  std::vector<at::Tensor> logits;
  const auto most = static_cast<std::size_t>(most_rows_);
  for (std::size_t first = 0; first < rows.size(); first += most) {
    const std::size_t count = std::min(most, rows.size() - first);
    const DecodeStep::Output part = step_->run(rows.subspan(first, count), alpha_, cache);
    hidden.push_back(part.hidden.clone());
    logits.push_back(part.logits.clone());
  }
  output_ = {at::cat(hidden, 0), at::cat(logits, 0)};
}

at::Tensor CudaEngine::logits(const at::Tensor& hidden) const {
  return output_.hidden.defined() && hidden.is_same(output_.hidden) ? output_.logits
                                                                    : reference_.logits(hidden);
}

}  // namespace routedk::decode
