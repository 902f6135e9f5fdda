/// Training data of each expert and the router: bundle sessions or the user's own examples as token ids.
#pragma once

#include "routedk/train/group_trainer.h"
#include "routedk/workflow/experiment/experiment.h"

#include <string>
#include <vector>

namespace routedk::workflow {

/// Whether an expert of bundle data reads rules or thoughts; "" is the router, which does not.
bool reads_knowledge(const std::string& expert);

/// The sessions of at least 2 items: the others cannot have a bundle.
std::vector<bundle::Session> of_two_items(const std::vector<bundle::Session>& sessions);

/// The training sessions of the experts and of the router: all for both or, with `router.data: holdout`, a
/// share drawn by the experts' seed for the router and the rest for the experts. Sessions of fewer than 2
/// items are left out.
struct LearningSessions {
  std::vector<bundle::Session> experts;
  std::vector<bundle::Session> router;
};
LearningSessions learning_sessions(const Experiment& experiment);

/// How the token budget shortened an expert's prompts.
struct InputCounts {
  std::int64_t prompts = 0;
  std::int64_t cut = 0;             ///< prompts that were shortened
  std::int64_t statements_cut = 0;  ///< statements removed
  std::int64_t over_budget = 0;     ///< prompts whose titles alone exceed the budget
};

/// What an expert trains on; `group` is set in every example. What the budget removes is logged and, if
/// `counts` is not null, counted there; the user's own examples are never shortened.
std::vector<train::Example> expert_examples(const Experiment& experiment, const std::string& expert,
                                            int group, InputCounts* counts = nullptr);
/// What an expert would read for these sessions; nothing for those where the teacher failed.
std::vector<train::Example> knowledge_examples(const Experiment& experiment,
                                               const std::vector<bundle::Session>& sessions,
                                               const std::string& expert, int group);
/// Written to inputs.json of the expert's step.
void record_inputs(const Experiment& experiment, const std::string& expert, const InputCounts& counts);
/// Raw prompts of the sessions of at least 2 items with their gold answers.
std::vector<train::Example> raw_examples(const Experiment& experiment,
                                         const std::vector<bundle::Session>& sessions, int group);
/// The examples for which an expert's answers are sampled: its training sessions with raw prompts, as in an
/// evaluation; the user's own examples unchanged.
std::vector<train::Example> raw_expert_examples(const Experiment& experiment, const std::string& expert,
                                                int group);
/// What the router trains on: raw prompts, regardless of what the experts read.
std::vector<train::Example> router_examples(const Experiment& experiment);
/// Validation examples of an expert, or with "" of the router: raw prompts of the validation sessions, or the
/// examples of `data.validation_examples` that it would learn from (for the router, all).
std::vector<train::Example> validation_examples(const Experiment& experiment, const std::string& expert,
                                                int group);

/// ConfigError if a step has no session to learn from.
void require_some(const std::vector<bundle::Session>& sessions, const StepId& id);

/// ConfigError if a step to do has no session to learn from; DataError that counts and names the inputs
/// longer than the model's context, with their answers: the sessions of the router, the validation and the
/// evaluation. The trainer checks the experts' examples; the user's own were checked when they were read.
void require_data_within(const Experiment& experiment);

/// With `augment.shuffle_items`: each epoch's version of the experts' (or, for {}, the raw) training
/// examples, with the items of each session in a new order and its bundles renumbered. Otherwise empty. The
/// experiment must outlive it.
train::AugmentFn shuffled_items(const Experiment& experiment, const std::vector<std::string>& experts);

}  // namespace routedk::workflow
