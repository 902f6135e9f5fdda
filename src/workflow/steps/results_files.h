/// results.json and the table as results.txt, .md and .html.
#pragma once

#include "routedk/eval/results.h"
#include "routedk/workflow/experiment/experiment.h"

#include <cstddef>
#include <vector>

namespace routedk::workflow {

/// The results of an evaluation.
struct Found {
  std::size_t sessions;
  const std::vector<eval::SystemResult>& results;  ///< in the table's order
  const bundle::Evaluation& random;                ///< of the random model (eval/collapse.h)
  const bundle::BootstrapOptions& bootstrap;
};

/// Besides the metrics, results.json compares on the same sessions every system with the backbone under the
/// same choice, and every other choice with the vote among as many samples of the same system.
void write_results(const Experiment& experiment, const Found& found);

}  // namespace routedk::workflow
