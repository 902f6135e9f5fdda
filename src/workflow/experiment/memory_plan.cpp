#include "routedk/workflow/experiment/memory_plan.h"

#include "routedk/train/answer_loss.h"

#include <algorithm>
#include <numeric>

namespace routedk::workflow {
namespace {

/// Numbers that a layer keeps for backward per token, in units of the hidden and the feed-forward size:
/// inputs of norms, of adapted linears, of attention and of the product in the feed-forward, with what
/// backward itself needs at its peak; fitted to measured peaks (tests/house/memory_test.py).
constexpr double kKeptHidden = 12.0;
constexpr double kKeptFfn = 4.0;
/// Logits, and their log-softmax that becomes their gradient, both fp32.
constexpr double kLogitCopies = 2.0;
/// LibTorch's libraries, tokenizer, data.
constexpr double kProcessBytes = 300.0 * (1 << 20);
constexpr double kMomentsAndValues = 5.0;

std::int64_t linear_weights(const model::LlamaConfig& model) {
  std::int64_t weights = 0;
  for (int i = 0; i < model::kLinears; ++i) {
    const model::LinearShape shape = model::linear_shape(model, static_cast<model::Linear>(i));
    weights += shape.in * shape.out;
  }
  return weights * model.layers;
}

/// NF4: half a byte, and an absmax per 64 weights in fp32 or in 8 bits with an fp32 one per 256 of those.
double linear_bytes(const TrainingSize& size) {
  const auto dense = static_cast<double>(c10::elementSize(size.dtype));
  const double absmax = size.double_quant ? (1.0 + 4.0 / 256.0) / 64.0 : 4.0 / 64.0;
  return size.nf4 ? 0.5 + absmax : dense;
}

}  // namespace

double MemoryPlan::total() const {
  return std::accumulate(bytes.begin(), bytes.end(), 0.0,
                         [](double sum, const auto& kind) { return sum + kind.second; });
}

MemoryPlan predict_memory(const model::LlamaConfig& model, const TrainingSize& size) {
  const auto number = static_cast<double>(c10::elementSize(size.dtype));
  const auto vocab = static_cast<double>(model.vocab);
  const auto hidden = static_cast<double>(model.hidden);
  const double tables = vocab * hidden * (model.tied_head ? 1.0 : 2.0);
  const double of_a_layer = kKeptHidden * hidden + kKeptFfn * static_cast<double>(model.ffn);
  const auto layers = static_cast<double>(model.layers);
  const double kept = size.recompute ? layers * hidden + of_a_layer : layers * of_a_layer;
  const std::int64_t rows = std::min(size.answer_tokens, train::loss_rows_at_once(model.vocab));
  const double copies = kMomentsAndValues + (size.average ? 1.0 : 0.0);
  return {{{"frozen linears", static_cast<double>(linear_weights(model)) * linear_bytes(size)},
           {"embedding and head", tables * number},
           {"trained, with optimiser", static_cast<double>(size.trainable) * 4.0 * copies},
           {"kept for backward", static_cast<double>(size.tokens) * kept * number},
           {"logits", static_cast<double>(rows) * vocab * 4.0 * kLogitCopies},
           {"process", kProcessBytes}}};
}

}  // namespace routedk::workflow
