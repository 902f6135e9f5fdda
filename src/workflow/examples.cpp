#include "routedk/bundle/expert_input.h"
#include "routedk/bundle/plain_text.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps.h"

#include <sstream>
#include <utility>

#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

bundle::KnowledgePlacement placement_of(const std::string& word) {
  return word == "auxiliary" ? bundle::KnowledgePlacement::kAuxiliary : bundle::KnowledgePlacement::kInput;
}

/// The key names session and text, whatever the expert: dropout masks of experts differ by step and layer
/// only where their examples do.
train::Example example(const bundle::SessionEncoder& encoder, const bundle::TrainingText& text, int group,
                       std::uint64_t key) {
  return {encoder.prompt(text.prompt), encoder.answer(text.answer), group, key};
}

/// The best supported rules of the domain, a line each.
std::vector<std::string> domain_rules(const Experiment& experiment) {
  std::istringstream in(read_file(experiment.domain_rules_file()));
  std::vector<std::string> rules;
  const auto limit = static_cast<std::size_t>(experiment.config().knowledge.domain_rules);
  for (std::string line; rules.size() < limit && std::getline(in, line);) {
    if (std::string rule = bundle::fold_space(line); !rule.empty()) {
      rules.push_back(std::move(rule));
    }
  }
  return rules;
}

bundle::ExpertInput input_of(const Experiment& experiment, const std::string& expert) {
  const ExperimentConfig& config = experiment.config();
  bundle::ExpertInput input{bundle::expert_kind(expert), placement_of(config.knowledge.placement),
                            bundle::parse_rule_source(config.knowledge.rules)};
  if (input.rules != bundle::RuleSource::kSession) {
    input.domain_rules = domain_rules(experiment);
  }
  input.budget =
      bundle::TokenBudget{config.prompt.max_tokens,
                          [&encoder = experiment.encoder()](const std::vector<text::ChatMessage>& prompt) {
                            return static_cast<std::int64_t>(encoder.prompt(prompt).size());
                          }};
  return input;
}

/// What the token budget cost an expert.
struct InputCounts {
  std::int64_t prompts = 0;
  std::int64_t cut = 0;
  std::int64_t statements_cut = 0;
  std::int64_t over_budget = 0;

  void add(const bundle::TrainingText& text) {
    ++prompts;
    cut += text.statements_cut > 0 ? 1 : 0;
    statements_cut += text.statements_cut;
    over_budget += text.over_budget ? 1 : 0;
  }
};

/// Into inputs.json beside the experts reported before, and into the log where anything was cut.
void report(const Experiment& experiment, const std::string& expert, const InputCounts& counts) {
  const std::filesystem::path file = experiment.folder() / "inputs.json";
  io::Json inputs = std::filesystem::exists(file) ? io::read_json(file) : io::Json::object();
  inputs[expert] = {{"prompts", counts.prompts},
                    {"cut", counts.cut},
                    {"statements_cut", counts.statements_cut},
                    {"over_budget", counts.over_budget}};
  io::write_json(file, inputs);
  if (counts.cut + counts.over_budget > 0) {
    spdlog::warn(
        "{}: {} of {} prompts lost {} statements of rules and thoughts to keep {} tokens; {} are longer by "
        "their "
        "titles alone",
        expert, counts.cut, counts.prompts, counts.statements_cut, experiment.config().prompt.max_tokens,
        counts.over_budget);
  }
}

}  // namespace

std::vector<train::Example> expert_examples(const Experiment& experiment, const std::string& expert,
                                            int group) {
  const bundle::ExpertInput input = input_of(experiment, expert);
  InputCounts counts;
  const auto knowledge = bundle::KnowledgeStore::load(experiment.knowledge_file());
  std::vector<train::Example> examples;
  for (const bundle::Session& session : experiment.split().train) {
    if (session.items.size() < 2) {
      continue;
    }
    std::uint64_t part = 0;
    for (const bundle::TrainingText& text :
         bundle::training_texts(experiment.templates(), session, knowledge, input)) {
      const std::uint64_t key = random_key(static_cast<std::uint64_t>(session.id), expert, {part++});
      examples.push_back(example(experiment.encoder(), text, group, key));
      counts.add(text);
    }
  }
  report(experiment, expert, counts);
  return examples;
}

std::vector<train::Example> raw_examples(const Experiment& experiment,
                                         const std::vector<bundle::Session>& sessions, int group) {
  std::vector<train::Example> examples;
  for (const bundle::Session& session : sessions) {
    if (session.items.size() < 2) {
      continue;
    }
    const bundle::TrainingText text{bundle::inference_prompt(experiment.templates(), session),
                                    bundle::gold_text(session)};
    examples.push_back(example(experiment.encoder(), text, group, static_cast<std::uint64_t>(session.id)));
  }
  return examples;
}

}  // namespace routedk::workflow
