/// study.json and study.txt.
#pragma once

#include "routedk/io/jsonl.h"

#include <array>
#include <string>
#include <vector>

#include "study_results.h"

namespace routedk::workflow {

/// What came of a pair of `compare` in one domain.
struct Tested {
  const ComparisonConfig* pair;
  std::string domain;
  bundle::Metric metric;
  double difference;
  bundle::Interval interval;
  double p_value;
  double p_holm = 0.0;  ///< corrected for all of the study's
};

/// All metrics, the comparisons and, of each experiment, its steps and what its systems show beside the
/// metrics; when, by which command, with which versions it was made. docs/experiments.md lists the members.
io::Json study_json(const Study& study, PointExperiments experiments, const StudyResults& results,
                    const std::vector<Tested>& comparisons);

/// Each result with its interval, then the comparisons.
std::string study_text(const Study& study, const StudyResults& results,
                       const std::vector<Tested>& comparisons);

}  // namespace routedk::workflow
