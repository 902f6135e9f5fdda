/// The one trainer: any number of parameter groups over one frozen backbone.
#pragma once

#include "routedk/core/progress.h"
#include "routedk/experts/routed_model.h"
#include "routedk/train/event.h"
#include "routedk/train/example.h"
#include "routedk/train/group_trainer.h"
#include "routedk/train/train_config.h"
#include "routedk/train/validation_time.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace routedk::train {

struct TrainingJob {
  const experts::RoutedModel& model;
  TrainConfig config;
  std::vector<ParameterGroup> groups;
  std::vector<Example> training;
  std::vector<Example> validation;    ///< a group may have none: its last values are then its result
  std::filesystem::path checkpoints;  ///< folder of this run's checkpoints
  EventSink on_event;
  ProgressOutput progress = ProgressOutput::standard();
  AugmentFn augment = {};  ///< for the training examples; empty: every epoch sees the same
  /// More metrics of a group at its validations, while its parameters hold the values to keep; may be empty.
  ValidationHook on_validation = {};
  SampleFn sample = {};  ///< for the objective expected_utility only
  /// The processes that train this job together, each with all examples; only rank 0 writes checkpoints,
  /// receives events and runs validation hooks. All must see the folder of checkpoints.
  parallel::World world = {};
};

/// The outcome of a group; its parameters are those of `best_step`.
struct GroupResult {
  std::string name;
  GroupProgress progress;
};

/// In each optimiser step, every group with steps left takes its next batch, runs it in micro-batches (small
/// ones together with those of other groups, joint_step.h), and is updated separately, unless its loss or
/// gradient is not finite. Each group thus computes what it would if trained alone.
class Trainer {
 public:
  /// DataError if an example's group or token is out of range, examples are longer than the model's context
  /// or a group has no training examples.
  explicit Trainer(TrainingJob job);

  /// Trains to the end and leaves each group's best values in its parameters, frozen. Resumes from the newest
  /// checkpoint, bit for bit on the same machine type and thread count: ConfigError if it belongs to other
  /// settings, data or (unless `resume_elsewhere`) another machine, FileError if it is damaged. NumericError
  /// if more than `max_bad_steps` steps in a row are not finite; checkpoints are kept, and none includes
  /// these steps. Interrupted on SIGINT, SIGTERM or SIGHUP, after the current step has been finished and
  /// saved.
  std::vector<GroupResult> run();

 private:
  void write_nothing();
  void require_one_job() const;
  void resume();
  void restore(const std::filesystem::path& path);
  void step(Progress& progress);
  void report_step(const GroupTrainer& group, const GroupStep& step) const;
  void validate(GroupTrainer& group, const GroupStep& step, Progress& shown);
  void warn(const GroupTrainer& group, const std::string& text) const;
  void save();
  void stop_if_asked();
  std::int64_t examples_left() const;
  bool done() const;
  bool resumable() const;
  std::vector<std::string> group_names() const;
  io::Json make_fingerprint() const;

  TrainingJob job_;
  std::vector<std::unique_ptr<GroupTrainer>> groups_;
  io::Json fingerprint_;
  std::int64_t step_ = 0;
  std::int64_t saved_step_ = 0;
  ValidationTime validation_time_{0, 0.0};
};

}  // namespace routedk::train
