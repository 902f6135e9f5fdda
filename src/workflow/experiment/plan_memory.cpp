#include "plan_memory.h"

#include "routedk/experts/peft.h"
#include "routedk/experts/router.h"
#include "routedk/model/parameters.h"
#include "routedk/workflow/experiment/memory_plan.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using train::Example;

/// Tokens of an average step and of the largest possible micro-batch.
struct TokenCounts {
  double of_a_step = 0.0;
  std::int64_t largest = 0;
  std::int64_t largest_answers = 0;
};

/// The sum of at most the first `most` counts.
std::int64_t sum_of_first(const std::vector<std::int64_t>& counts, std::int64_t most) {
  const auto end = counts.begin() + std::min(most, static_cast<std::int64_t>(counts.size()));
  return std::accumulate(counts.begin(), end, std::int64_t{0});
}

/// A micro-batch takes examples of one step, over the `groups` trained together, as long as they fit; a
/// longer example runs alone.
TokenCounts count_tokens(const std::vector<Example>& examples, const train::TrainConfig& config,
                         std::int64_t groups) {
  std::vector<std::int64_t> tokens(examples.size());
  std::vector<std::int64_t> answers(examples.size());
  std::transform(examples.begin(), examples.end(), tokens.begin(),
                 [](const Example& e) { return e.tokens(); });
  std::transform(examples.begin(), examples.end(), answers.begin(),
                 [](const Example& e) { return static_cast<std::int64_t>(e.answer.size()); });
  std::sort(tokens.rbegin(), tokens.rend());
  std::sort(answers.rbegin(), answers.rend());
  const std::int64_t together = config.batch_size * groups;
  const std::int64_t longest = sum_of_first(tokens, 1);
  TokenCounts counts;
  counts.largest = std::max(longest, std::min(config.max_tokens, sum_of_first(tokens, together)));
  counts.largest_answers = std::min(sum_of_first(answers, together), counts.largest);
  const auto steps = (static_cast<double>(examples.size()) + static_cast<double>(config.batch_size) - 1) /
                     static_cast<double>(config.batch_size);
  counts.of_a_step =
      static_cast<double>(sum_of_first(tokens, std::ssize(tokens))) / std::max(1.0, std::floor(steps));
  return counts;
}

/// The same for steps by expected utility: the longest prompt with as many answers as there are samples.
TokenCounts count_drawn_tokens(const std::vector<Example>& examples, const train::TrainConfig& config) {
  TokenCounts counts;
  const std::int64_t samples = config.expected_utility.samples;
  for (const Example& example : examples) {
    const auto answers = samples * static_cast<std::int64_t>(example.answer.size());
    const std::int64_t tokens = static_cast<std::int64_t>(example.prompt.size()) + answers;
    const std::int64_t most = std::max(config.max_tokens, example.tokens());
    counts.largest = std::max(counts.largest, std::min(most, config.expected_utility.batch_size * tokens));
    counts.largest_answers = std::max(counts.largest_answers, counts.largest * answers / tokens);
  }
  return counts;
}

/// The larger micro-batch of a training's phases.
TokenCounts count_all_tokens(const std::vector<Example>& examples, const train::TrainConfig& config,
                             std::int64_t groups) {
  TokenCounts counts = count_tokens(examples, config, groups);
  if (config.objective == train::ObjectiveKind::kExpectedUtility) {
    const TokenCounts drawn = count_drawn_tokens(examples, config);
    counts.largest = std::max(counts.largest, drawn.largest);
    counts.largest_answers = std::max(counts.largest_answers, drawn.largest_answers);
  }
  return counts;
}

/// The prompts of the evaluation.
std::vector<Example> evaluated_examples(const Experiment& experiment) {
  if (experiment.has_sessions()) {
    return raw_examples(experiment, of_two_items(evaluated_sessions(experiment)), 0);
  }
  std::vector<Example> examples;
  for (TaskItem& item : evaluated_items(experiment)) {
    examples.push_back(std::move(item.example));
  }
  return examples;
}

/// The most prompt tokens of sessions that are decoded together.
std::int64_t most_prompt_tokens(const Experiment& experiment, const std::vector<Example>& raw) {
  const auto together = static_cast<std::size_t>(experiment.config().decode.batch_sessions);
  std::int64_t most = 0;
  for (std::size_t first = 0; first < raw.size(); first += together) {
    std::int64_t tokens = 0;
    for (std::size_t i = first; i < std::min(first + together, raw.size()); ++i) {
      tokens += static_cast<std::int64_t>(raw[i].prompt.size());
    }
    most = std::max(most, tokens);
  }
  return most;
}

FrozenSize backbone_size(const ModelConfig& settings, const model::WeightSource& source) {
  using model::Held;
  using model::Storage;
  const at::Device device = model::parse_device("model.device", settings.device);
  FrozenSize size{held_as(settings.quant, Storage::kDense) == Held::kNf4, settings.double_quant,
                  model::precision_of(settings.dtype, device)};
  size.gpu = device.is_cuda();
  const bool linears = held_as(settings.quant, Storage::kPacked) == Held::kStored;
  for (const model::Parameter& parameter : model::parameters(source.config())) {
    const model::StoredAs stored = source.stored(parameter.name);
    if (stored.packed && parameter.linear && linears) {
      size.packed_linears += static_cast<double>(stored.bytes);
    } else if (stored.packed && !parameter.linear && settings.quant != model::Quant::kNone) {
      size.packed_tables += static_cast<double>(stored.bytes);
    }
  }
  return size;
}

TrainingSize training_size(const FrozenSize& frozen, const train::TrainConfig& config, std::int64_t trainable,
                           const TokenCounts& tokens) {
  return {frozen, trainable, config.ema > 0.0, tokens.largest, tokens.largest_answers, config.recompute};
}

DecodingSize decoding_size(const Experiment& experiment, const FrozenSize& frozen) {
  const ExperimentConfig& c = experiment.config();
  const std::vector<std::int64_t>& counts = c.eval.samples;
  const std::int64_t samples =
      counts.empty() ? c.decode.samples : *std::max_element(counts.begin(), counts.end());
  const std::vector<Example> raw = evaluated_examples(experiment);
  return {frozen,
          c.decode.kernels == decode::Kernels::kInt8,
          std::min(c.decode.batch_sessions, static_cast<std::int64_t>(raw.size())),
          most_prompt_tokens(experiment, raw),
          samples,
          c.decode.max_new_tokens};
}

/// For the answers sampled in training, in addition to what is trained.
DecodingSize drawing_size(const Experiment& experiment, const FrozenSize& frozen,
                          const train::TrainConfig& config, std::int64_t trainable,
                          const std::vector<Example>& examples) {
  constexpr std::int64_t kCopies = 2;  // gradient, moments and start; a frozen factor counts twice
  const auto sessions =
      std::min({experiment.config().decode.batch_sessions, config.expected_utility.batch_size,
                static_cast<std::int64_t>(examples.size())});
  std::int64_t longest = 0;
  for (const Example& example : examples) {
    longest = std::max(longest, static_cast<std::int64_t>(example.prompt.size()));
  }
  DecodingSize size{frozen};
  size.factors += kCopies * trainable;
  size.int8 = frozen.gpu;
  size.sessions = sessions;
  size.prompt_tokens = sessions * longest;
  size.samples = config.expected_utility.samples;
  size.new_tokens = config.expected_utility.max_new_tokens;
  return size;
}

/// The run's experts and their parameters; of these, those to be trained.
struct BankSize {
  std::int64_t experts = 0;
  std::int64_t parameters = 0;
  std::int64_t trained_experts = 0;
  std::int64_t trained_parameters = 0;
};

BankSize bank_size(const ExperimentConfig& config, const model::LlamaConfig& model) {
  BankSize size;
  for (const std::string& expert : config.experts) {
    const std::int64_t parameters = expert_parameters(config, expert, model);
    const bool trained = config.adapter_of(expert) == nullptr;
    size.experts += 1;
    size.parameters += parameters;
    size.trained_experts += trained ? 1 : 0;
    size.trained_parameters += trained ? parameters : 0;
  }
  return size;
}

FrozenSize with_factors(FrozenSize size, std::int64_t parameters) {
  size.factors = parameters;
  return size;
}

/// A step and its memory.
struct Column {
  std::string name;
  MemoryPlan plan;

  std::string cell(const std::string& kind) const {
    const auto found = std::find_if(plan.bytes.begin(), plan.bytes.end(),
                                    [&](const auto& entry) { return entry.first == kind; });
    return found == plan.bytes.end() ? "-" : mib(found->second);
  }
  static std::string mib(double bytes) { return fmt::format("{:.0f} MiB", bytes / (1 << 20)); }
};

/// The distinct kinds of all columns.
std::vector<std::string> kinds_of(const std::vector<Column>& columns) {
  std::vector<std::string> kinds;
  for (const Column& column : columns) {
    for (const auto& [kind, bytes] : column.plan.bytes) {
      if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
        kinds.push_back(kind);
      }
    }
  }
  return kinds;
}

std::string table_text(const std::vector<Column>& columns, bool on_gpu) {
  const auto row = [&](const std::string& kind, const auto& cell) {
    std::string line = fmt::format("memory    {:<24}", kind);
    for (const Column& column : columns) {
      line += fmt::format(" {:>12}", cell(column));
    }
    return line + "\n";
  };
  std::string text = row("", [](const Column& column) { return column.name; });
  for (const std::string& kind : kinds_of(columns)) {
    text += row(kind, [&](const Column& column) { return column.cell(kind); });
  }
  return text + row(on_gpu ? "predicted peak, GPU" : "predicted peak",
                    [](const Column& c) { return Column::mib(c.plan.total()); });
}

}  // namespace

std::int64_t expert_parameters(const ExperimentConfig& config, const std::string& expert,
                               const model::LlamaConfig& model) {
  const std::string* adapter = config.adapter_of(expert);
  if (adapter == nullptr && !config.lora.init_adapter.empty()) {
    adapter = &config.lora.init_adapter;
  }
  if (adapter != nullptr) {
    return experts::load_peft(*adapter, expert, model).parameters().size();
  }
  std::int64_t of_a_layer = 0;
  for (const model::Linear linear : config.lora.targets) {
    const model::LinearShape shape = model::linear_shape(model, linear);
    of_a_layer += config.lora.rank * (shape.in + shape.out);
  }
  return model.layers * of_a_layer;
}

std::string memory_text(const Experiment& experiment, const model::WeightSource& source,
                        const std::vector<Example>& training, const std::vector<Example>& routing) {
  const ExperimentConfig& c = experiment.config();
  const model::LlamaConfig& model = source.config();
  const BankSize bank = bank_size(c, model);
  const FrozenSize backbone = backbone_size(c.model, source);
  const FrozenSize with_experts = with_factors(backbone, bank.parameters);
  const experts::RouterGate gate(model.layers, model.hidden, bank.experts, router_options(c.router));
  const TokenCounts of_router = count_all_tokens(routing, c.router, 1);
  std::string tokens;
  const auto add_tokens = [&](const char* whose, const TokenCounts& counts) {
    tokens += fmt::format("tokens    {:.0f} of {} step, {} of the largest micro-batch\n", counts.of_a_step,
                          whose, counts.largest);
  };
  std::vector<Column> columns;
  if (bank.trained_experts > 0) {
    const TokenCounts of_experts = count_all_tokens(training, c.train, bank.trained_experts);
    add_tokens("an expert's", of_experts);
    columns.push_back({"train", predict_memory(model, training_size(backbone, c.train,
                                                                    bank.trained_parameters, of_experts))});
  }
  if (bank.experts > 1) {
    if (bank.trained_experts == 0) {
      add_tokens("the router's", of_router);
    }
    columns.push_back({"router", predict_memory(model, training_size(with_experts, c.router,
                                                                     gate.parameters().size(), of_router))});
  }
  if (bank.trained_experts > 0 && c.train.objective == train::ObjectiveKind::kExpectedUtility) {
    const FrozenSize own = with_factors(backbone, bank.trained_parameters);
    columns.push_back(
        {"train draws",
         predict_memory(model, drawing_size(experiment, own, c.train, bank.trained_parameters, training))});
  }
  if (bank.experts > 1 && c.router.objective == train::ObjectiveKind::kExpectedUtility) {
    columns.push_back(
        {"router draws", predict_memory(model, drawing_size(experiment, with_experts, c.router,
                                                            gate.parameters().size(), routing))});
  }
  if (experiment.evaluates()) {
    columns.push_back({"evaluate", predict_memory(model, decoding_size(experiment, with_experts))});
  }
  return tokens + table_text(columns, backbone.gpu);
}

}  // namespace routedk::workflow
