/// Who learns from what: bundle sessions or the user's own examples as token ids.
#pragma once

#include "routedk/train/group_trainer.h"
#include "routedk/workflow/experiment/experiment.h"

#include <string>
#include <vector>

namespace routedk::workflow {

/// Whether an expert of bundle data reads rules or thoughts; "", the router, does not.
bool reads_knowledge(const std::string& expert);

/// The sessions that can hold a bundle at all: there is nothing to learn from the others.
std::vector<bundle::Session> of_two_items(const std::vector<bundle::Session>& sessions);

/// The training sessions of the experts and of the router: all for both, or, with `router.data: holdout`, a
/// share drawn by the experts' seed for the router and the rest for the experts. Those of fewer than 2 items
/// are left out.
struct LearningSessions {
  std::vector<bundle::Session> experts;
  std::vector<bundle::Session> router;
};
LearningSessions learning_sessions(const Experiment& experiment);

/// What the token budget cost an expert's prompts.
struct InputCounts {
  std::int64_t prompts = 0;
  std::int64_t cut = 0;             ///< prompts that lost something
  std::int64_t statements_cut = 0;  ///< what they lost
  std::int64_t over_budget = 0;     ///< prompts that are longer by their titles alone
};

/// What an expert trains on; `group` goes into every example. What the budget cut is logged and, unless
/// `counts` is null, counted there; it cuts nothing from the user's own examples.
std::vector<train::Example> expert_examples(const Experiment& experiment, const std::string& expert,
                                            int group, InputCounts* counts = nullptr);
/// What an expert would read of these sessions; of those where the teacher failed nothing.
std::vector<train::Example> knowledge_examples(const Experiment& experiment,
                                               const std::vector<bundle::Session>& sessions,
                                               const std::string& expert, int group);
/// Into inputs.json of the expert's step.
void record_inputs(const Experiment& experiment, const std::string& expert, const InputCounts& counts);
/// Raw prompts of sessions of at least 2 items with their gold answers.
std::vector<train::Example> raw_examples(const Experiment& experiment,
                                         const std::vector<bundle::Session>& sessions, int group);
/// What an expert's answers are drawn to: its training sessions as it is asked about them, raw; the user's
/// own examples as they are.
std::vector<train::Example> raw_expert_examples(const Experiment& experiment, const std::string& expert,
                                                int group);
/// What the router trains on: raw prompts, whatever the experts read.
std::vector<train::Example> router_examples(const Experiment& experiment);
/// What an expert, or with "" the router, is validated with: raw prompts of the validation sessions, or the
/// examples of `data.validation_examples` that it would learn from, or all of them.
std::vector<train::Example> validation_examples(const Experiment& experiment, const std::string& expert,
                                                int group);

/// DataError that counts and names what is longer than the model's context: the router's and the validation's
/// sessions and those to be evaluated, each with its answer. The experts' own are the trainer's to check, and
/// the user's own examples were when they were read.
void require_data_within(const Experiment& experiment);

/// With `augment.shuffle_items`: an epoch's form of the experts' (or, for {}, the raw) training examples,
/// their sessions' items in another order, with their bundles renumbered. Otherwise empty. The experiment
/// must outlive it.
train::AugmentFn shuffled_items(const Experiment& experiment, const std::vector<std::string>& experts);

}  // namespace routedk::workflow
