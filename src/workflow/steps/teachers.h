/// The teacher that an experiment's settings ask for.
#pragma once

#include "routedk/distill/chat_teacher.h"
#include "routedk/workflow/experiment/experiment.h"

#include <filesystem>
#include <memory>
#include <vector>

namespace routedk::workflow {

struct TeacherAtWork {
  std::unique_ptr<distill::ChatModel> model;  ///< that the teacher asks; nullptr for annotations
  std::unique_ptr<distill::Teacher> teacher;
  io::Json study = io::Json::object();  ///< what annotations taught at once: discrepancies, domain rules
};

/// `store` tells what earlier runs have spent. ConfigError where the key's environment variable is not set;
/// otherwise as the model's own constructor.
TeacherAtWork make_teacher(Experiment& experiment, const std::filesystem::path& store);

distill::Budget budget_of(const BudgetConfig& settings);

}  // namespace routedk::workflow
