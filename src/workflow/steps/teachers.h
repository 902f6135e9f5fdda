/// The teacher that an experiment's settings ask for.
#pragma once

#include "routedk/distill/chat_teacher.h"
#include "routedk/workflow/experiment/experiment.h"

#include <filesystem>
#include <memory>
#include <vector>

namespace routedk::workflow {

struct TeacherAtWork {
  std::unique_ptr<distill::ChatModel> model;  ///< the model that the teacher queries; nullptr for annotations
  std::unique_ptr<distill::Teacher> teacher;
  io::Json study = io::Json::object();  ///< what annotations gave at once: discrepancies, domain rules
};

/// `store` has the spending of earlier runs. ConfigError if the key's environment variable is not set;
/// otherwise throws as the model's constructor does.
TeacherAtWork make_teacher(Experiment& experiment, const std::filesystem::path& store);

distill::Budget budget_of(const BudgetConfig& settings);

}  // namespace routedk::workflow
