/// The advantage of each sample over the others of its prompt.
#pragma once

#include "routedk/train/samples.h"

#include <vector>

namespace routedk::train {

/// The advantage of each distinct answer to a prompt, shared by its samples: its reward minus the mean reward
/// of the other samples (leave-one-out). Exactly 0 if all rewards are equal. `rewards` has one entry per
/// answer; at least 2 samples.
std::vector<double> leave_one_out(const PromptSamples& samples, const std::vector<double>& rewards);

/// The number of samples, counting repeated answers.
std::int64_t sample_count(const PromptSamples& samples);

}  // namespace routedk::train
