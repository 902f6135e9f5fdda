/// Whether a session's traits predict which of two results is better on it.
#pragma once

#include "routedk/io/jsonl.h"

#include "study_results.h"

namespace routedk::workflow {

/// For each pair of `compare` with `explain`, in each domain: a cross-validated logistic regression
/// (eval/preference.h) of the sign of the difference in f1 on the sessions' traits (eval/session_traits.h)
/// and the entropy of a's alpha. [{"a", "b", "domain", "sessions", "decided", "share_a_better", "commoner",
/// "accuracy", "auc", "coefficients": {trait: log odds per standard deviation}}]
io::Json explained(const Study& study, PointExperiments experiments, const StudyResults& results);

}  // namespace routedk::workflow
