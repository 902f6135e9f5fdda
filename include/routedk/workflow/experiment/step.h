/// A step of an experiment as data: what it is, what its numbers depend on, and the resulting key.
#pragma once

#include "routedk/core/named_enum.h"

#include <compare>
#include <map>
#include <string>
#include <vector>

namespace routedk::workflow {

/// In the order in which a run reaches them.
enum class StepKind {
  kDistil,    ///< the teacher writes rules and a thought about every training session
  kTeacher,   ///< the teacher answers a split itself
  kTrain,     ///< one expert
  kRouter,    ///< over the frozen experts
  kControls,  ///< the training of a control in `eval.systems`
  kConflict,  ///< whether kinds of knowledge pull one expert in different directions
  kProbe,     ///< what a linear model can read from the router's input
  kAnswer,    ///< one system's candidates for the evaluated sessions
  kEvaluate,  ///< choices among the candidates, and metrics
  kCompare,   ///< metrics of a study's experiments side by side
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

/// A step within one experiment: its kind and, if there are several of that kind, a name.
struct StepId {
  StepKind kind = StepKind::kDistil;
  std::string name{};  ///< the expert, system or split
  auto operator<=>(const StepId&) const = default;
};
/// Maps the name of a step's program to the step: "eval" -> "evaluate", "distill" -> "distil", "train-router"
/// -> "router"; other words are unchanged.
std::string step_of_program(const std::string& word);

/// "train-base"; "router" for a step without a name.
std::string to_string(const StepId& id);

/// Settings by full name: "train.learning_rate" -> "0.0005". Files are represented by a hash of their
/// contents.
using Settings = std::map<std::string, std::string>;

struct Step {
  StepId id;
  Settings settings;           ///< all that change its numbers and are not among those of its inputs
  std::vector<StepId> inputs;  ///< steps whose outputs it reads, in order
  std::map<std::string, std::string> input_keys;  ///< the inputs' keys, by to_string
  /// 16 hex digits: a hash of kind, name, settings and the inputs' keys in order.
  std::string key;
  /// The files behind settings that are hashes of contents, "data.contents" -> "/data/food"; for messages,
  /// not in the key.
  Settings places{};
};

/// Computes a step's key.
std::string key_of(const Step& step);

/// "train.epochs: 1 -> 3" for each setting that differs, "data.contents: changed (/data/food)" for a
/// file's contents and "train-base: changed" for each input; for messages.
std::vector<std::string> differences(const Step& before, const Step& now);

}  // namespace routedk::workflow
