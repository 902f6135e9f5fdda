/// study.json and study.txt.
#pragma once

#include "routedk/io/jsonl.h"

#include <array>
#include <string>
#include <vector>

#include "study_results.h"

namespace routedk::workflow {

/// The test of a pair of `compare` in one domain.
struct Tested {
  const ComparisonConfig* pair;
  std::string domain;
  bundle::Metric metric;
  double difference;
  bundle::Interval interval;
  double p_value;
  double p_holm = 0.0;  ///< corrected for all tests of the study
};

/// All metrics, the comparisons and, for each experiment, its steps and its systems' other results; when, by
/// which command and with which versions it was made. docs/experiments.md lists the members.
io::Json study_json(const Study& study, PointExperiments experiments, const StudyResults& results,
                    const std::vector<Tested>& comparisons);

/// Each result with its interval, then the comparisons.
std::string study_text(const Study& study, const StudyResults& results,
                       const std::vector<Tested>& comparisons);

}  // namespace routedk::workflow
