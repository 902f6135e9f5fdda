/// The result of an evaluation at a glance.
#pragma once

#include "routedk/eval/results.h"

#include <span>
#include <string>

namespace routedk::workflow {

/// At most 100 columns of text: a line a system, under the choice that goes without saying or else its first,
/// with what it is, f1 and its interval, jaccard_f1, precision_all and recall_distinct_all; the best figure
/// of each column has a star. Warnings follow, a line each.
std::string summary_table(std::span<const eval::SystemResult> results);

}  // namespace routedk::workflow
