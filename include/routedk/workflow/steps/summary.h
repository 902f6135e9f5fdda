/// The result of an evaluation at a glance.
#pragma once

#include "routedk/eval/results.h"

#include <span>
#include <string>

namespace routedk::workflow {

/// At most 100 columns of text: the title, which a rule and a number of candidates complete, then one line
/// per system, for the default choice or else its first, with a description, f1 and its interval, jaccard_f1,
/// precision_all and recall_distinct_all; a star marks the best value of each column. Warnings follow, one
/// per line.
std::string summary_table(const std::string& title, std::span<const eval::SystemResult> results);

}  // namespace routedk::workflow
