#include "routedk/eval/task_results.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/eval/collapse.h"
#include "routedk/workflow/steps/answer_setting.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <utility>

#include "task_steps.h"
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using eval::TaskAnswer;
using eval::TaskGold;
using eval::TaskResult;

/// A system's answers in the order of gold.
std::vector<TaskAnswer> answers_in_order(const Experiment& experiment, const std::string& system,
                                         const std::vector<TaskGold>& gold) {
  const std::filesystem::path file = experiment.answers_file(system);
  eval::TaskAnswers found = eval::read_task_answers(file);
  const auto most =
      static_cast<std::size_t>(votes_of(experiment.config()).empty() ? 0 : most_samples(experiment.config()));
  std::vector<TaskAnswer> answers;
  for (const TaskGold& one : gold) {
    const auto answer = found.find(one.place);
    if (answer == found.end() || answer->second.candidates.size() != most) {
      throw_<FileError>(
          "answers must be of all evaluated examples, {} candidates each, but {} has {} of line {}", most,
          file.string(), answer == found.end() ? "none" : fmt::format("{}", answer->second.candidates.size()),
          one.place.first);
    }
    answers.push_back(std::move(answer->second));
  }
  return answers;
}

io::Json chosen_json(const std::string& text, const TaskGold& gold) {
  return {{"text", text},
          {"exact_match", eval::exact_match(text, gold.references)},
          {"rouge_l", eval::best_rouge_l(text, gold.references)}};
}

/// Written to the evaluation's `answers`: the outcome of each choice, with the gold.
void write_chosen(const Experiment& experiment, const std::string& system, const std::vector<TaskGold>& gold,
                  const std::vector<TaskAnswer>& answers) {
  std::string lines;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const TaskAnswer& answer = answers[i];
    io::Json json = {{"line", gold[i].place.first},
                     {"turn", gold[i].place.second},
                     {"expert", gold[i].expert},
                     {"references", gold[i].references},
                     {"loss", answer.loss},
                     {"tokens", answer.tokens},
                     {"greedy", chosen_json(answer.greedy, gold[i])},
                     {"votes", io::Json::array()}};
    for (const std::int64_t samples : votes_of(experiment.config())) {
      const auto count = static_cast<std::size_t>(samples);
      const eval::TaskVote vote =
          eval::vote_of(std::span(answer.candidates).first(count), std::span(answer.logprobs).first(count));
      io::Json chosen = chosen_json(vote.text, gold[i]);
      chosen["samples"] = samples;
      chosen["share"] = vote.share;
      json["votes"].push_back(std::move(chosen));
    }
    lines += json.dump(-1, ' ', false, io::Json::error_handler_t::replace) + "\n";
  }
  write_file_atomic(
      experiment.step_folder({StepKind::kEvaluate}) / "answers" / (file_word(system) + ".jsonl"), lines);
}

std::vector<std::string> warnings_of(const std::string& system, const std::vector<TaskAnswer>& answers) {
  std::vector<std::string> texts(answers.size());
  std::transform(answers.begin(), answers.end(), texts.begin(),
                 [](const TaskAnswer& answer) { return answer.greedy; });
  std::vector<std::string> warnings;
  for (const std::string& warning : eval::collapse_signs(eval::patterns_of(texts))) {
    warnings.push_back(fmt::format("{}: {}", system, warning));
    spdlog::warn("{}", warnings.back());
  }
  return warnings;
}

std::vector<std::string> task_notes(const Experiment& experiment, const std::vector<TaskGold>& gold) {
  const ExperimentConfig& c = experiment.config();
  std::set<std::int64_t> lines;
  for (const TaskGold& one : gold) {
    lines.insert(one.place.first);
  }
  const TaskData& task = experiment.task();
  std::vector<std::string> notes{fmt::format(
      "{} answers in {} lines of {}{}. loss: nats per token of the examples' own answers; perplexity: its "
      "exponential. Greedy answers of at most {} tokens are compared with the best of each example's "
      "references; brackets are 95 % intervals of a bootstrap over lines ({} resamples).",
      gold.size(), lines.size(), task.evaluated_file,
      c.data.holds_out()             ? ", which were held out of training"
      : c.data.test_examples.empty() ? ", which also chose each training's best values"
                                     : "",
      c.decode.max_new_tokens, c.eval.resamples)};
  if (!votes_of(c).empty()) {
    notes.push_back(fmt::format(
        "vote n=N: the most frequent of N answers drawn at temperature {}; share: of them that agree "
        "with it. Where it is near 1/N, answers are too long to be voted for.",
        c.decode.temperature));
  }
  return notes;
}

io::Json differences_to_backbone(const std::vector<TaskResult>& results,
                                 const bundle::BootstrapOptions& bootstrap) {
  io::Json comparisons = io::Json::array();
  for (const TaskResult& result : results) {
    const auto backbone = std::find_if(results.begin(), results.end(), [&](const TaskResult& other) {
      return other.system == "backbone" && other.samples == result.samples;
    });
    if (backbone != results.end() && result.system != "backbone") {
      comparisons.push_back(eval::compare_task(result, *backbone, bootstrap));
    }
  }
  return comparisons;
}

}  // namespace

void evaluate_examples(const Experiment& experiment) {
  const ExperimentConfig& c = experiment.config();
  const bundle::BootstrapOptions bootstrap{c.decode.seed, static_cast<int>(c.eval.resamples)};
  std::vector<TaskGold> gold;
  for (TaskItem& item : evaluated_items(experiment)) {
    gold.push_back(std::move(item.gold));
  }
  std::vector<TaskResult> results;
  std::vector<std::string> warnings;
  for (const std::string& system : c.eval.systems) {
    const std::vector<TaskAnswer> answers = answers_in_order(experiment, system, gold);
    write_chosen(experiment, system, gold, answers);
    auto more = eval::score_task(system, gold, answers, {votes_of(c), mixes(system), bootstrap});
    std::move(more.begin(), more.end(), std::back_inserter(results));
    auto signs = warnings_of(system, answers);
    std::move(signs.begin(), signs.end(), std::back_inserter(warnings));
  }
  io::Json json = {{"examples", experiment.task().evaluated_file},
                   {"answers", gold.size()},
                   {"samples", most_samples(c)},
                   {"temperature", c.decode.temperature},
                   {"systems", io::Json::object()}};
  for (const TaskResult& result : results) {
    json["systems"][result.name] = eval::to_json(result);
  }
  json["against_backbone"] = differences_to_backbone(results, bootstrap);
  json["warnings"] = warnings;
  eval::Table table = eval::task_table(io::JsonField(json, "results.json"));
  table.notes = task_notes(experiment, gold);
  const eval::Table usual = eval::shown(table, {});
  const std::filesystem::path folder = experiment.step_folder({StepKind::kEvaluate});
  io::write_json(folder / "results.json", json);
  write_file_atomic(folder / "summary.txt", eval::text_table(usual));
  write_file_atomic(folder / "results.txt", eval::text_table(usual));
  write_file_atomic(folder / "results.md", eval::markdown_table(usual));
  write_file_atomic(folder / "results.html", eval::html_table(usual, &table));
}

}  // namespace routedk::workflow
