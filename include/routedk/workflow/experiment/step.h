/// A step of an experiment as data: what it is, what its numbers depend on, and the key that follows from
/// that.
#pragma once

#include "routedk/core/named_enum.h"

#include <compare>
#include <map>
#include <string>
#include <vector>

namespace routedk::workflow {

/// In the order in which a run comes to them.
enum class StepKind {
  kDistil,    ///< the teacher writes rules and a thought about every training session
  kTeacher,   ///< the teacher answers a split itself
  kTrain,     ///< one expert
  kRouter,    ///< over the frozen experts
  kControls,  ///< what a control of `eval.systems` trains
  kConflict,  ///< whether kinds of knowledge pull one expert in different directions
  kProbe,     ///< what a linear router could read in its input
  kAnswer,    ///< one system's candidates for the evaluated sessions
  kEvaluate,  ///< choices among the candidates, and figures
  kCompare,   ///< figures of a study's experiments side by side
};
constexpr auto enum_names(StepKind /*of*/) {
  return std::to_array<EnumName<StepKind>>({{StepKind::kDistil, "distil"},
                                            {StepKind::kTeacher, "teacher"},
                                            {StepKind::kTrain, "train"},
                                            {StepKind::kRouter, "router"},
                                            {StepKind::kControls, "controls"},
                                            {StepKind::kConflict, "conflict"},
                                            {StepKind::kProbe, "probe"},
                                            {StepKind::kAnswer, "answer"},
                                            {StepKind::kEvaluate, "evaluate"},
                                            {StepKind::kCompare, "compare"}});
}

/// A step within one experiment: its kind and, where there are several of it, whose it is.
struct StepId {
  StepKind kind = StepKind::kDistil;
  std::string name{};  ///< of the expert, the system or the split
  auto operator<=>(const StepId&) const = default;
};
/// The step that a word stands for which names it by its program: "eval" -> "evaluate", "distill" ->
/// "distil", "train-router" -> "router"; any other word as it is.
std::string step_of_program(const std::string& word);

/// "train-base"; "router" of a step without a name.
std::string to_string(const StepId& id);

/// Settings by their full names: "train.learning_rate" -> "0.0005". What a file holds stands there as a hash.
using Settings = std::map<std::string, std::string>;

struct Step {
  StepId id;
  Settings settings;           ///< all that changes the step's numbers, but for what its inputs have
  std::vector<StepId> inputs;  ///< steps whose outputs it reads, in their order
  std::map<std::string, std::string> input_keys;  ///< of these, by to_string
  /// 16 hex digits: a hash of kind, name, settings and the inputs' keys in their order.
  std::string key;
};

/// The hash that is a step's key.
std::string key_of(const Step& step);

/// "train.epochs: 1 -> 3" for each setting and input that differs, the first ones; for people.
std::vector<std::string> differences(const Step& before, const Step& now);

}  // namespace routedk::workflow
