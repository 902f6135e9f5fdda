/// Answers that need not be drawn again.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace routedk::workflow {

struct EarlierAnswers {
  std::int64_t samples = 0;
  std::filesystem::path file;
};

/// Stored answers of the same system with another number of samples: the smallest sufficient number,
/// otherwise the largest. Draws are keyed by the sample's number, so they equal those that would be drawn.
std::optional<EarlierAnswers> earlier_answers(const Experiment& experiment, const StepId& id);

}  // namespace routedk::workflow
