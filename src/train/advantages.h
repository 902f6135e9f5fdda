/// What each sample is worth compared with the others of its prompt.
#pragma once

#include "routedk/train/samples.h"

#include <vector>

namespace routedk::train {

/// The advantage of each different answer to a prompt, of whose samples each gets the same: its reward minus
/// the mean reward of the other samples (leave one out). Exactly 0 where all rewards are equal. `rewards`: of
/// each answer; at least 2 samples.
std::vector<double> leave_one_out(const PromptSamples& samples, const std::vector<double>& rewards);

/// How many samples there are.
std::int64_t sample_count(const PromptSamples& samples);

}  // namespace routedk::train
