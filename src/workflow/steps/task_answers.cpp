#include "routedk/core/files.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "earlier_answers.h"
#include "stoppable_progress.h"
#include "task_steps.h"
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

struct TaskBatch {
  std::vector<const train::Example*> examples;
  std::vector<eval::TaskPlace> places;
};

TaskBatch batch_of(std::span<const TaskItem> items) {
  TaskBatch batch;
  for (const TaskItem& item : items) {
    batch.examples.push_back(&item.example);
    batch.places.push_back(item.gold.place);
  }
  return batch;
}

/// With as many candidates as the largest vote needs.
eval::TaskSetting task_setting(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  eval::TaskSetting setting{experiment.encoder().tokenizer(),
                            generate_options(c.decode, experiment.encoder()), c.train.max_tokens};
  setting.generate.samples = votes_of(c).empty() ? 0 : most_samples(c);
  return setting;
}

/// Answers to the same examples with another number of candidates, reduced to the number wanted; empty unless
/// they cover all examples.
eval::TaskAnswers taken_over(const std::filesystem::path& file, const std::vector<TaskItem>& items,
                             std::int64_t samples) {
  eval::TaskAnswers taken;
  eval::TaskAnswers earlier = eval::read_task_answers(file);
  for (const TaskItem& item : items) {
    const auto found = earlier.find(item.gold.place);
    if (found == earlier.end()) {
      return {};
    }
    eval::TaskAnswer& answer = taken[item.gold.place] = std::move(found->second);
    const auto most = std::min(static_cast<std::size_t>(samples), answer.candidates.size());
    answer.candidates.resize(most);
    answer.logprobs.resize(most);
  }
  return taken;
}

bool is_complete(const eval::TaskAnswers& answers, std::int64_t samples) {
  return !answers.empty() && std::cmp_equal(answers.begin()->second.candidates.size(), samples);
}

void write_answers(const eval::TaskAnswers& answers, const std::vector<TaskItem>& items,
                   const std::filesystem::path& file) {
  std::string lines;
  for (const TaskItem& item : items) {
    lines += eval::to_json(answers.at(item.gold.place)).dump() + "\n";
  }
  write_file_atomic(file, lines);
}

/// Answers the user's own examples with a system.
class Answering {
 public:
  Answering(Experiment& experiment, const std::string& name)
      : system_(load_system(experiment, name)),
        decoder_(system_.model, experiment.config().decode.kernels),
        setting_(task_setting(experiment)) {
    spdlog::info("{}: decoding in {}", name, decoder_.path());
  }

  /// Keeps the answers in `earlier` unchanged.
  std::vector<eval::TaskAnswer> operator()(const TaskBatch& batch, const eval::TaskAnswers& earlier) const {
    std::vector<eval::TaskAnswer> answers;
    if (earlier.empty()) {
      answers = eval::answer_task_batch(decoder_, *system_.gate, batch.examples, setting_);
    }
    for (std::size_t i = 0; i < batch.places.size(); ++i) {
      if (!earlier.empty()) {
        answers.push_back(earlier.at(batch.places[i]));
      }
      answers[i].place = batch.places[i];
    }
    eval::draw_candidates(decoder_, *system_.gate, batch.examples, setting_, answers);
    return answers;
  }

 private:
  System system_;
  decode::Decoder decoder_;
  eval::TaskSetting setting_;
};

}  // namespace

void answer_examples(Experiment& experiment, const std::string& name) {
  const std::vector<TaskItem> items = evaluated_items(experiment);
  const std::filesystem::path file = experiment.answers_file(name);
  const std::int64_t samples = task_setting(experiment).generate.samples;
  const auto found = earlier_answers(experiment, {StepKind::kAnswer, name});
  const eval::TaskAnswers earlier = found ? taken_over(found->file, items, samples) : eval::TaskAnswers();
  if (is_complete(earlier, samples)) {
    spdlog::info("{}: answered before", name);
    return write_answers(earlier, items, file);
  }
  const Answering answering(experiment, name);
  io::JsonlWriter writer(file);  // removes an incomplete last line before the file is read
  const eval::TaskAnswers known = eval::read_task_answers(file);
  const auto is_known = [&](const eval::TaskPlace& place) { return known.contains(place); };
  StoppableProgress progress("answer " + name, std::ssize(items), "examples");
  const auto together = static_cast<std::size_t>(experiment.config().decode.batch_sessions);
  for (std::size_t first = 0; first < items.size(); first += together) {
    const TaskBatch batch =
        batch_of(std::span(items).subspan(first, std::min(together, items.size() - first)));
    if (!std::all_of(batch.places.begin(), batch.places.end(), is_known)) {
      for (const eval::TaskAnswer& answer : answering(batch, earlier)) {
        if (!is_known(answer.place)) {
          writer.append(eval::to_json(answer));
        }
      }
      writer.sync();
    }
    progress.reached(static_cast<std::int64_t>(first + batch.places.size()));
  }
  progress.finish();
}

}  // namespace routedk::workflow
