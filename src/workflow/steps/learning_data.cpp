#include "routedk/workflow/steps/learning_data.h"

#include "routedk/bundle/expert_input.h"
#include "routedk/bundle/plain_text.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/io/jsonl.h"
#include "routedk/model/weight_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

using bundle::Session;
using train::Example;

/// The domain's rules with the most support, one per line.
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

/// The form in which an expert reads sessions; "" is raw.
bundle::ExpertInput input_of(const Experiment& experiment, const std::string& expert) {
  const ExperimentConfig& config = experiment.config();
  bundle::ExpertInput input;
  if (expert.empty()) {
    return input;
  }
  input.expert = bundle::expert_kind(expert);
  input.placement = config.knowledge.placement;
  input.rules = config.knowledge.rules;
  if (input.rules != bundle::RuleSource::kSession && reads_knowledge(expert)) {
    input.domain_rules = domain_rules(experiment);
  }
  input.budget =
      bundle::TokenBudget{config.prompt.max_tokens,
                          [&encoder = experiment.encoder()](const std::vector<text::ChatMessage>& prompt) {
                            return static_cast<std::int64_t>(encoder.prompt(prompt).size());
                          }};
  return input;
}

Example encoded(const Experiment& experiment, const bundle::TrainingText& text, int group, std::uint64_t key,
                std::string source) {
  const bundle::SessionEncoder& encoder = experiment.encoder();
  return {encoder.prompt(text.prompt), encoder.answer(text.answer), group, key, std::move(source)};
}

/// One text of one session, from which its example can be rebuilt with other item numbers.
struct Source {
  Session session;
  bundle::ExpertInput input;
  std::size_t part = 0;
};

/// The key identifies session and text, not the expert: the dropout masks of experts differ only by step and
/// layer unless their examples differ.
std::uint64_t key_of(const Session& session, const std::string& expert, std::size_t part) {
  return expert.empty() ? static_cast<std::uint64_t>(session.id)
                        : random_key(static_cast<std::uint64_t>(session.id), expert, {part});
}

/// The teacher's output, if one of the experts reads any of it.
bundle::KnowledgeStore knowledge_of(const Experiment& experiment, const std::vector<std::string>& experts) {
  return std::any_of(experts.begin(), experts.end(), reads_knowledge)
             ? bundle::KnowledgeStore::load(experiment.knowledge_file())
             : bundle::KnowledgeStore();
}

bool reads(bundle::ExpertKind expert, bundle::KnowledgeKind kind) {
  const auto other = kind == bundle::KnowledgeKind::kRules ? bundle::ExpertKind::kHighLevel
                                                           : bundle::ExpertKind::kFineGrained;
  return expert == other || expert == bundle::ExpertKind::kMerged;
}

/// Whether the teacher failed at something that the expert reads: invalid output never enters training.
bool lacks_knowledge(const bundle::KnowledgeStore& knowledge, bundle::SessionId session,
                     bundle::ExpertKind expert) {
  static constexpr std::array kKinds = {bundle::KnowledgeKind::kRules, bundle::KnowledgeKind::kThought};
  return std::any_of(kKinds.begin(), kKinds.end(), [&](bundle::KnowledgeKind kind) {
    const bundle::KnowledgeRecord* const record = knowledge.find(session, kind);
    return reads(expert, kind) && record != nullptr && !record->valid();
  });
}

void add(InputCounts& counts, const bundle::TrainingText& text) {
  ++counts.prompts;
  counts.cut += text.statements_cut > 0 ? 1 : 0;
  counts.statements_cut += text.statements_cut;
  counts.over_budget += text.over_budget ? 1 : 0;
}

void log_cuts(const Experiment& experiment, const std::string& expert, const InputCounts& counts) {
  if (counts.cut + counts.over_budget > 0) {
    spdlog::warn(
        "{}: {} of {} prompts lost {} statements of rules and thoughts to keep {} tokens; {} are longer with "
        "their titles alone",
        expert, counts.cut, counts.prompts, counts.statements_cut, experiment.config().prompt.max_tokens,
        counts.over_budget);
  }
}

/// Sessions as an expert reads them, or raw for "".
std::vector<Example> session_examples(const Experiment& experiment, const std::vector<Session>& sessions,
                                      const std::string& expert, int group, InputCounts& counts) {
  const bundle::ExpertInput input = input_of(experiment, expert);
  const bundle::KnowledgeStore knowledge = knowledge_of(experiment, {expert});
  std::vector<Example> examples;
  std::int64_t left_out = 0;
  for (const Session& session : sessions) {
    if (lacks_knowledge(knowledge, session.id, input.expert)) {
      ++left_out;
      continue;
    }
    std::size_t part = 0;
    for (const auto& text : bundle::training_texts(experiment.templates(), session, knowledge, input)) {
      examples.push_back(encoded(experiment, text, group, key_of(session, expert, part++),
                                 fmt::format("session {}", session.id)));
      add(counts, text);
    }
  }
  if (left_out > 0) {
    spdlog::warn("{}: {} training sessions are left out because the teacher failed", expert, left_out);
  }
  return examples;
}

/// The user's own examples that `expert` learns from, or all for "".
std::vector<Example> examples_of(const std::vector<TaskItem>& items, const std::string& expert, int group) {
  std::vector<Example> examples;
  for (const TaskItem& item : items) {
    if (expert.empty() || item.gold.expert.empty() || item.gold.expert == expert) {
      examples.push_back(item.example);
      examples.back().group = group;
    }
  }
  return examples;
}

Session shuffled(Session session, const Random& random) {
  shuffle(session.items, random);
  return session;
}

}  // namespace

bool reads_knowledge(const std::string& expert) {
  if (expert.empty()) {
    return false;
  }
  const bundle::ExpertKind kind = bundle::expert_kind(expert);
  return reads(kind, bundle::KnowledgeKind::kRules) || reads(kind, bundle::KnowledgeKind::kThought);
}

std::vector<Session> of_two_items(const std::vector<Session>& sessions) {
  std::vector<Session> usable;
  std::copy_if(sessions.begin(), sessions.end(), std::back_inserter(usable),
               [](const Session& session) { return session.items.size() >= 2; });
  return usable;
}

LearningSessions learning_sessions(const Experiment& experiment) {
  const ExperimentConfig& config = experiment.config();
  LearningSessions learning{of_two_items(experiment.split().train), {}};
  if (config.router.data != RouterData::kHoldout) {
    learning.router = learning.experts;
    return learning;
  }
  std::vector<std::size_t> order(learning.experts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  shuffle(order, Random(config.train.seed, "holdout"));
  const auto held =
      static_cast<std::size_t>(std::ceil(config.router.holdout * static_cast<double>(order.size())));
  const std::set<std::size_t> chosen(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(held));
  std::vector<Session> kept;
  for (std::size_t i = 0; i < learning.experts.size(); ++i) {
    (chosen.contains(i) ? learning.router : kept).push_back(std::move(learning.experts[i]));
  }
  learning.experts = std::move(kept);
  return learning;
}

std::vector<Example> expert_examples(const Experiment& experiment, const std::string& expert, int group,
                                     InputCounts* counts) {
  if (!experiment.has_sessions()) {
    return examples_of(experiment.task().training, expert, group);
  }
  InputCounts found;
  std::vector<Example> examples =
      session_examples(experiment, learning_sessions(experiment).experts, expert, group, found);
  log_cuts(experiment, expert, found);
  if (counts != nullptr) {
    *counts = found;
  }
  return examples;
}

std::vector<Example> knowledge_examples(const Experiment& experiment, const std::vector<Session>& sessions,
                                        const std::string& expert, int group) {
  InputCounts counts;
  return session_examples(experiment, sessions, expert, group, counts);
}

void record_inputs(const Experiment& experiment, const std::string& expert, const InputCounts& counts) {
  io::write_json(experiment.step_folder({StepKind::kTrain, expert}) / "inputs.json",
                 {{"prompts", counts.prompts},
                  {"cut", counts.cut},
                  {"statements_cut", counts.statements_cut},
                  {"over_budget", counts.over_budget}});
}

std::vector<Example> raw_examples(const Experiment& experiment, const std::vector<Session>& sessions,
                                  int group) {
  InputCounts no_budget;
  return session_examples(experiment, sessions, "", group, no_budget);
}

std::vector<Example> raw_expert_examples(const Experiment& experiment, const std::string& expert, int group) {
  return experiment.has_sessions() ? raw_examples(experiment, learning_sessions(experiment).experts, group)
                                   : expert_examples(experiment, expert, group);
}

std::vector<Example> router_examples(const Experiment& experiment) {
  return experiment.has_sessions() ? raw_examples(experiment, learning_sessions(experiment).router, 0)
                                   : examples_of(experiment.task().training, "", 0);
}

std::vector<Example> validation_examples(const Experiment& experiment, const std::string& expert, int group) {
  if (experiment.has_sessions()) {
    return raw_examples(experiment, of_two_items(experiment.split().val), group);
  }
  return examples_of(experiment.task().validation, expert, group);
}

void require_some(const std::vector<Session>& sessions, const StepId& id) {
  if (sessions.empty()) {
    throw_<ConfigError>(
        "step {} must have at least 1 training session of 2 items, but has none: lower "
        "split.test_per_length, "
        "split.val_per_length or router.holdout",
        to_string(id));
  }
}

namespace {

/// Checks that every step to do that learns has something to learn from.
void require_training_sessions(const Experiment& experiment) {
  const LearningSessions learning = learning_sessions(experiment);
  for (const Step* step : needed_steps(experiment.steps())) {
    const StepId& id = step->id;
    const bool adopted = id.kind == StepKind::kTrain && experiment.config().adapter_of(id.name) != nullptr;
    if (experiment.store().done(*step) || adopted) {
      continue;
    }
    if (id.kind == StepKind::kDistil) {
      require_some(of_two_items(experiment.split().train), id);
    } else if (id.kind == StepKind::kTrain || id.kind == StepKind::kConflict) {
      require_some(learning.experts, id);
    } else if (id.kind == StepKind::kRouter || id.kind == StepKind::kControls) {
      require_some(learning.router, id);
    }
  }
}

}  // namespace

void require_data_within(const Experiment& experiment) {
  if (!experiment.has_sessions()) {
    return;
  }
  require_training_sessions(experiment);
  const std::int64_t context = model::WeightSource::open(experiment.config().model.path)->config().context;
  train::require_within_context(router_examples(experiment), context, "training");
  train::require_within_context(validation_examples(experiment, "", 0), context, "validation");
  const auto& evaluated = experiment.split().part(experiment.config().eval.split);
  train::require_within_context(raw_examples(experiment, of_two_items(evaluated), 0), context, "evaluation");
}

train::AugmentFn shuffled_items(const Experiment& experiment, const std::vector<std::string>& experts) {
  if (!experiment.config().augment.shuffle_items || !experiment.has_sessions()) {
    return {};
  }
  const LearningSessions learning = learning_sessions(experiment);
  const bool routing = experts.empty();
  const auto knowledge = std::make_shared<const bundle::KnowledgeStore>(knowledge_of(experiment, experts));
  const auto sources = std::make_shared<std::map<std::uint64_t, Source>>();
  const auto add = [&](const Session& session, const std::string& expert, const bundle::ExpertInput& input) {
    const auto texts = bundle::training_texts(experiment.templates(), session, *knowledge, input);
    for (std::size_t part = 0; part < texts.size(); ++part) {
      (*sources)[key_of(session, expert, part)] = {session, input, part};
    }
  };
  for (const auto* sessions : {&learning.router, &learning.experts}) {
    for (const Session& session : routing ? *sessions : std::vector<Session>()) {
      add(session, "", input_of(experiment, ""));
    }
  }
  for (const std::string& expert : experts) {
    const bundle::ExpertInput input = input_of(experiment, expert);
    for (const Session& session : learning.experts) {
      if (!lacks_knowledge(*knowledge, session.id, input.expert)) {
        add(session, expert, input);
      }
    }
  }
  return [&experiment, knowledge, sources](const Example& example, std::int64_t epoch) {
    const Source& source = sources->at(example.key);
    const auto where = {static_cast<std::uint64_t>(source.session.id), static_cast<std::uint64_t>(epoch)};
    const Session session =
        shuffled(source.session, Random(experiment.config().train.seed, "shuffle_items", where));
    const auto texts = bundle::training_texts(experiment.templates(), session, *knowledge, source.input);
    return encoded(experiment, texts.at(source.part), example.group, example.key, example.source);
  };
}

}  // namespace routedk::workflow
