#include "routedk/workflow/experiment/task_data.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/model/weight_source.h"
#include "routedk/workflow/steps/task_examples.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using Ids = std::vector<text::TokenId>;

/// The text as the model would write it.
std::string as_written(const std::string& text, const bundle::SessionEncoder& encoder) {
  Ids ids = encoder.answer(text);
  ids.pop_back();  // the end of the turn
  return encoder.tokenizer().decode(ids, true);
}

TaskItem item_of(const TaskExample& given, const bundle::SessionEncoder& encoder) {
  const auto line = static_cast<std::uint64_t>(given.line);
  const auto turn = static_cast<std::uint64_t>(given.turn);
  TaskItem item;
  item.example.key = turn == 1 ? line : random_key(line, "turn", {turn});
  item.example.source = given.where;
  item.gold = {{given.line, given.turn}, given.expert, {}};
  try {
    item.example.prompt = encoder.prompt(given.prompt);
    item.example.answer = encoder.answer(given.completion);
    for (const std::string& reference : given.references) {
      item.gold.references.push_back(as_written(reference, encoder));
    }
  } catch (const ConfigError& error) {
    throw DataError(fmt::format("{} ({})", error.what(), given.where));
  }
  return item;
}

/// Reads the items of a file and rejects those longer than the model's context.
class TaskReader {
 public:
  TaskReader(const ExperimentConfig& config, const bundle::SessionEncoder& encoder)
      : config_(config),
        encoder_(encoder),
        context_(model::WeightSource::open(config.model.path)->config().context) {}

  /// Empty for an empty name. `what` describes the examples in errors.
  std::vector<TaskItem> read(const std::string& file, const char* what) const {
    std::vector<TaskItem> items;
    if (file.empty()) {
      return items;
    }
    std::vector<train::Example> examples;
    for (const TaskExample& given : read_task_examples(file, config_.experts, config_.data.loss)) {
      items.push_back(item_of(given, encoder_));
      examples.push_back(items.back().example);
    }
    train::require_within_context(examples, context_, what);
    return items;
  }

 private:
  const ExperimentConfig& config_;
  const bundle::SessionEncoder& encoder_;
  std::int64_t context_;
};

/// Moves the lines held out for evaluation out of `items`.
std::vector<TaskItem> hold_out(std::vector<TaskItem>& items, double share) {
  std::map<std::string, std::vector<std::int64_t>> lines;  // by expert
  for (const TaskItem& item : items) {
    std::vector<std::int64_t>& own = lines[item.gold.expert];
    if (own.empty() || own.back() != item.gold.place.first) {
      own.push_back(item.gold.place.first);
    }
  }
  std::set<std::int64_t> held;
  for (auto& [expert, own] : lines) {
    shuffle(own, Random(0, "data.holdout", {hash64(expert)}));
    const auto count = static_cast<std::ptrdiff_t>(std::floor(share * static_cast<double>(own.size())));
    held.insert(own.begin(), own.begin() + count);
  }
  const auto kept = std::stable_partition(items.begin(), items.end(), [&](const TaskItem& item) {
    return !held.contains(item.gold.place.first);
  });
  std::vector<TaskItem> out(std::make_move_iterator(kept), std::make_move_iterator(items.end()));
  items.erase(kept, items.end());
  return out;
}

void require_lines_of_each(const std::vector<TaskItem>& training, const ExperimentConfig& config) {
  for (const std::string& expert : config.experts) {
    const bool learns = std::any_of(training.begin(), training.end(), [&](const TaskItem& item) {
      return item.gold.expert.empty() || item.gold.expert == expert;
    });
    if (!learns && config.adapter_of(expert) == nullptr) {
      throw_<DataError>(
          "each of `experts` must have at least 1 line to learn from, but `{}` has none: no line says "
          "\"expert\": "
          "\"{}\" ({})",
          expert, expert, config.data.examples);
    }
  }
}

}  // namespace

TaskData load_task(const ExperimentConfig& config, const bundle::SessionEncoder& encoder) {
  const DataConfig& data = config.data;
  TaskData task;
  if (data.examples.empty()) {
    return task;
  }
  const TaskReader reader(config, encoder);
  task.training = reader.read(data.examples, "training");
  require_lines_of_each(task.training, config);
  task.validation = reader.read(data.validation_examples, "validation");
  if (!data.test_examples.empty()) {
    task.evaluated = reader.read(data.test_examples, "test");
    task.evaluated_file = data.test_examples;
  } else if (!task.validation.empty()) {
    task.evaluated = task.validation;
    task.evaluated_file = data.validation_examples;
  } else {
    task.evaluated = hold_out(task.training, data.holdout);
    task.evaluated_file = data.examples;
  }
  return task;
}

}  // namespace routedk::workflow
