#include "routedk/workflow/experiment/memory_plan.h"

#include "routedk/train/answer_loss.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace routedk::workflow {
namespace {

using Bytes = std::vector<std::pair<std::string, double>>;

/// Values that a layer keeps for backward per token, in units of the hidden and the feed-forward size: inputs
/// of norms, adapted linears, attention and the feed-forward product, plus what backward itself needs at its
/// peak; fitted to measured peaks with all linears adapted (tests/house/memory_test.py), with fewer an upper
/// bound.
constexpr double kKeptHidden = 9.0;
constexpr double kKeptFfn = 3.5;
/// The same for one recomputed layer, with its gradients.
constexpr double kAgainHidden = 12.0;
constexpr double kAgainFfn = 4.0;
/// The same with frozen experts: instead of their inputs, each linear keeps the product of its input with A
/// and its weights, one value per rank each.
constexpr double kMixedHidden = 10.0;
constexpr double kMixedFfn = 3.0;
constexpr double kMixedRanks = 2.0 * model::kLinears;
/// Logits, and their log-softmax, which becomes the gradient; both fp32.
constexpr double kLogitCopies = 2.0;
/// LibTorch's libraries, the tokenizer and the data.
constexpr double kProcessBytes = 300.0 * (1 << 20);
constexpr double kMomentsAndValues = 5.0;

// Layout of the 8-bit kernels (kernels/cpu/int8.h).
constexpr double kScaleBytes = 4.0;
constexpr double kRowScaleBytes = 12.0;  ///< an activation's scale, correction and sum
constexpr double kBlock = 64.0;
constexpr double kHeadBlock = 32.0;

/// Tokens fed to a sample at once: the drawn one and those that the grammar forces after it.
constexpr double kFedAtOnce = 4.0;
constexpr std::int64_t kPanel = 32;  ///< tokens, or columns, per piece of the cache

constexpr double kFloatBytes = 4.0;
constexpr double kStepRows = 128.0;  ///< rows of logits in a GPU step, counted twice

/// Bytes per value of a dense weight.
double weight_bytes(const FrozenSize& size) {
  return size.precision == kernels::Precision::kBFloat16 ? 2.0 : kFloatBytes;
}

/// On a GPU: bytes per value of the inputs and outputs of linears.
double operand_bytes(const FrozenSize& size) {
  return weight_bytes(size);
}

/// Input and output sizes of all linears, and the products of the two.
struct LinearSizes {
  double weights = 0.0;
  double sides = 0.0;
};

LinearSizes linear_sizes(const model::LlamaConfig& model) {
  LinearSizes sizes;
  for (int i = 0; i < model::kLinears; ++i) {
    const model::LinearShape shape = model::linear_shape(model, static_cast<model::Linear>(i));
    sizes.weights += static_cast<double>(model.layers * shape.in * shape.out);
    sizes.sides += static_cast<double>(model.layers * (shape.in + shape.out));
  }
  return sizes;
}

/// NF4: half a byte per weight, and an absmax per 64 weights, in fp32 or in 8 bits with an fp32 scale per 256
/// of those.
double linear_bytes(const FrozenSize& size) {
  const double absmax = size.double_quant ? (1.0 + 4.0 / 256.0) / 64.0 : 4.0 / 64.0;
  return size.nf4 ? 0.5 + absmax : weight_bytes(size);
}

/// R: ranks of all frozen experts together, averaged over the linears.
double ranks(const model::LlamaConfig& model, const FrozenSize& size) {
  return static_cast<double>(size.factors) / linear_sizes(model).sides;
}

double table_weights(const model::LlamaConfig& model) {
  return static_cast<double>(model.vocab * model.hidden);
}

Bytes frozen_bytes(const model::LlamaConfig& model, const FrozenSize& size) {
  const double tables = table_weights(model) * (model.tied_head ? 1.0 : 2.0);
  const double linears = linear_sizes(model).weights * linear_bytes(size);
  return {{"frozen linears", size.packed_linears > 0.0 ? size.packed_linears : linears},
          {"embedding and head", size.packed_tables > 0.0 ? size.packed_tables : tables * weight_bytes(size)},
          {"frozen experts", static_cast<double>(size.factors) *
                                 (kFloatBytes + (size.gpu ? operand_bytes(size) : kFloatBytes))}};
}

/// Values kept for backward per token of a layer.
double kept_by_layer(const model::LlamaConfig& model, const TrainingSize& size) {
  const auto hidden = static_cast<double>(model.hidden);
  const auto ffn = static_cast<double>(model.ffn);
  if (size.factors > 0) {
    return kMixedHidden * hidden + kMixedFfn * ffn + kMixedRanks * ranks(model, size);
  }
  return size.recompute ? kAgainHidden * hidden + kAgainFfn * ffn : kKeptHidden * hidden + kKeptFfn * ffn;
}

/// On a GPU, bytes kept for backward per token of a layer: results of both norms, rotated queries and keys,
/// values, the attention's output, gate and up; for trained experts also the product of gate and up, for
/// frozen ones the products of their factors A with the inputs, and the weights of these.
double kept_on_gpu(const model::LlamaConfig& model, const TrainingSize& size) {
  const double attention = 2.0 * static_cast<double>((model.heads + model.kv_heads) * model.head_dim);
  const double numbers =
      2.0 * static_cast<double>(model.hidden) + attention +
      (size.factors == 0 ? 3.0 * static_cast<double>(model.ffn)
                         : 2.0 * static_cast<double>(model.ffn) + 2.0 * model::kLinears * ranks(model, size));
  return operand_bytes(size) * numbers;
}

/// Bytes that a layer's backward pass needs at its peak besides what is kept: gradients of a token, and the
/// largest matrix decoded, twice.
double backward_on_gpu(const model::LlamaConfig& model, const TrainingSize& size) {
  const auto hidden = static_cast<double>(model.hidden);
  const auto ffn = static_cast<double>(model.ffn);
  return operand_bytes(size) *
         (static_cast<double>(size.tokens) * (3.0 * ffn + 3.0 * hidden) + 2.0 * ffn * hidden);
}

MemoryPlan plan_of_gpu(const model::LlamaConfig& model, const TrainingSize& size) {
  const auto layers = static_cast<double>(model.layers);
  const auto hidden = static_cast<double>(model.hidden);
  const double kept = size.recompute ? layers * hidden * kFloatBytes + kept_on_gpu(model, size)
                                     : layers * kept_on_gpu(model, size);
  const std::int64_t rows = std::min(size.answer_tokens, train::loss_rows_at_once(model.vocab, at::kCUDA));
  const double logits =
      static_cast<double>(rows) * static_cast<double>(model.vocab) * (kFloatBytes + operand_bytes(size)) +
      3.0 * static_cast<double>(size.answer_tokens) * hidden * kFloatBytes;
  const double copies = kMomentsAndValues + (size.average ? 1.0 : 0.0);
  MemoryPlan plan{frozen_bytes(model, size)};
  plan.bytes.insert(plan.bytes.end(),
                    {{"trained, with optimiser", static_cast<double>(size.trainable) * kFloatBytes * copies},
                     {"kept for backward", static_cast<double>(size.tokens) * kept},
                     {"a layer's backward, or logits", std::max(logits, backward_on_gpu(model, size))}});
  return plan;
}

bool in_8_bits(const DecodingSize& size) {
  return size.int8 && !size.gpu && (size.nf4 || size.packed_linears > 0.0);
}

/// Linears, factors and head. GGUF blocks take as much as in the file, except for the fp32 scales of K
/// formats.
double int8_copy(const model::LlamaConfig& model, const DecodingSize& size) {
  const double nf4 = linear_sizes(model).weights * (0.5 + kScaleBytes / kBlock);
  return (size.packed_linears > 0.0 ? size.packed_linears : nf4) +
         static_cast<double>(size.factors) * (1.0 + kScaleBytes / kBlock) +
         table_weights(model) * (1.0 + kScaleBytes / kHeadBlock);
}

/// Bytes of one row in a layer.
double row_bytes(const model::LlamaConfig& model, const DecodingSize& size) {
  const auto hidden = static_cast<double>(model.hidden);
  const auto ffn = static_cast<double>(model.ffn);
  const auto width = static_cast<double>(model.heads * model.head_dim);
  const auto kv_width = static_cast<double>(model.kv_heads * model.head_dim);
  const double narrow = model::kLinears * ranks(model, size);
  if (in_8_bits(size)) {
    const double codes = 1.0 + kRowScaleBytes / kBlock;
    return 4.0 * (5 * hidden + 3 * width + 2 * kv_width + 3 * ffn + narrow) +
           codes * (2 * hidden + width + ffn + narrow);
  }
  return kFloatBytes * (4 * hidden + 3 * ffn + 2 * narrow / model::kLinears);
}

std::int64_t whole_panels(std::int64_t size) {
  return (size + kPanel - 1) / kPanel * kPanel;
}

/// Keys and values of a token in all layers; values occupy whole panels of columns.
double cached_token_bytes(const model::LlamaConfig& model) {
  return 4.0 *
         static_cast<double>(model.layers * model.kv_heads * (model.head_dim + whole_panels(model.head_dim)));
}

/// The samples' own keys and values, whose capacity doubles as they grow, and the rows of a step.
double sample_bytes(const model::LlamaConfig& model, const DecodingSize& size) {
  const auto branches = static_cast<double>(size.sessions * size.samples);
  const auto room = std::max(static_cast<double>(kPanel),
                             static_cast<double>(std::bit_ceil(static_cast<std::uint64_t>(size.new_tokens))));
  const double growing = 1.0 + 0.5 / static_cast<double>(model.layers);  // while growing, one layer's old
                                                                         // half coexists
  const double of_a_row = row_bytes(model, size) + 4.0 * static_cast<double>(model.vocab);
  return branches * (room * growing * cached_token_bytes(model) + kFedAtOnce * of_a_row);
}

/// The decoding steps' own copies of weights: linears (NF4 with fp16 scales, others in bfloat16), and the
/// experts' factors and the head in bfloat16.
double step_copy(const model::LlamaConfig& model, const DecodingSize& size) {
  const bool nf4 = size.nf4 && size.packed_linears == 0.0;
  return linear_sizes(model).weights * (nf4 ? 0.5 + 2.0 / 64.0 : 2.0) +
         2.0 * static_cast<double>(size.factors) + 2.0 * table_weights(model);
}

/// On a GPU: keys and values in the type of the products; the prefill's rows and largest decoded matrix;
/// later, the samples' own keys and values and the logits of a step.
MemoryPlan plan_of_gpu(const model::LlamaConfig& model, const DecodingSize& size) {
  const double width = 2.0 * static_cast<double>(model.kv_heads * model.head_dim);
  const double of_a_token = static_cast<double>(model.layers) * width * operand_bytes(size);
  const auto tokens = static_cast<double>(size.prompt_tokens);
  const auto hidden = static_cast<double>(model.hidden);
  const auto ffn = static_cast<double>(model.ffn);
  const double prefill = tokens * (3.0 * hidden * kFloatBytes + 3.0 * ffn * operand_bytes(size)) +
                         hidden * ffn * operand_bytes(size);
  const auto branches = static_cast<double>(size.sessions * size.samples);
  const auto room = static_cast<double>(std::bit_ceil(static_cast<std::uint64_t>(size.new_tokens)));
  const double steps =
      branches * room * of_a_token + kStepRows * static_cast<double>(model.vocab) * kFloatBytes;
  MemoryPlan plan{frozen_bytes(model, size)};
  plan.bytes.insert(plan.bytes.end(), {{"steps' layout", size.int8 ? step_copy(model, size) : 0.0},
                                       {"prompts' keys and values", tokens * of_a_token},
                                       {"prefill, later samples", std::max(prefill, steps)}});
  return plan;
}

}  // namespace

double MemoryPlan::total() const {
  return std::accumulate(bytes.begin(), bytes.end(), 0.0,
                         [](double sum, const auto& kind) { return sum + kind.second; });
}

MemoryPlan predict_memory(const model::LlamaConfig& model, const TrainingSize& size) {
  if (size.gpu) {
    return plan_of_gpu(model, size);
  }
  const auto layers = static_cast<double>(model.layers);
  const double of_a_layer = kept_by_layer(model, size);
  const double kept =
      size.recompute ? layers * static_cast<double>(model.hidden) + of_a_layer : layers * of_a_layer;
  const std::int64_t rows = std::min(size.answer_tokens, train::loss_rows_at_once(model.vocab, at::kCPU));
  const double copies = kMomentsAndValues + (size.average ? 1.0 : 0.0);
  MemoryPlan plan{frozen_bytes(model, size)};
  plan.bytes.insert(
      plan.bytes.end(),
      {{"trained, with optimiser", static_cast<double>(size.trainable) * 4.0 * copies},
       {"kept for backward", static_cast<double>(size.tokens) * kept * kFloatBytes},
       {"logits", static_cast<double>(rows) * static_cast<double>(model.vocab) * 4.0 * kLogitCopies},
       {"process", kProcessBytes}});
  return plan;
}

MemoryPlan predict_memory(const model::LlamaConfig& model, const DecodingSize& size) {
  if (size.gpu) {
    return plan_of_gpu(model, size);
  }
  const auto tokens = static_cast<double>(size.prompt_tokens);
  const double prefill = tokens * row_bytes(model, size);
  MemoryPlan plan{frozen_bytes(model, size)};
  plan.bytes.insert(plan.bytes.end(),
                    {{"8-bit copy", in_8_bits(size) ? int8_copy(model, size) : 0.0},
                     {"prompts' keys and values", tokens * cached_token_bytes(model)},
                     {"prefill, later samples", std::max(prefill, sample_bytes(model, size))},
                     {"process", kProcessBytes}});
  return plan;
}

}  // namespace routedk::workflow
