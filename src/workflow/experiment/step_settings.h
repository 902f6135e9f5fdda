/// The settings that a step's numbers depend on: they make up its key.
#pragma once

#include "routedk/train/train_config.h"
#include "routedk/workflow/experiment/experiment_config.h"
#include "routedk/workflow/experiment/step.h"

#include <string>

namespace routedk::workflow {

class Experiment;

/// The settings of each kind of step. Those that change no number, given the others, are left out; files
/// count by their contents. A setting that is newer than stores in use is left out at its default, so that
/// older keys stand.
class StepSettings {
 public:
  explicit StepSettings(const Experiment& experiment);

  Settings teacher() const;
  /// Of the teacher's own answers to a part of the split.
  Settings teacher_answers(const std::string& part) const;
  /// Of an expert that is trained; `reads` says whether it depends on what the teacher wrote.
  Settings expert(const std::string& name, bool reads) const;
  Settings router() const;
  /// Of a trained control; one `alone` is trained as an expert on the router's data.
  Settings control(const std::string& name, bool alone) const;
  Settings conflict() const;
  Settings probe() const;
  /// Of a system's candidates, regardless of the choice among them.
  Settings answers(const std::string& system) const;
  Settings evaluation() const;

 private:
  Settings data() const;
  Settings model() const;
  Settings training(train::TrainConfig config, const std::string& group) const;
  void add_model(Settings& settings) const;
  void add_holdout(Settings& settings) const;
  void add_evaluated(Settings& settings) const;

  const Experiment& experiment_;
  const ExperimentConfig& config_;
  Settings data_;
};

}  // namespace routedk::workflow
