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

/// Of the same system in the store under another number of samples: the fewest that are enough, otherwise the
/// most. Draws are keyed by a sample's number, so they are those that would be drawn.
std::optional<EarlierAnswers> earlier_answers(const Experiment& experiment, const StepId& id);

}  // namespace routedk::workflow
