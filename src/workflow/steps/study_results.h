/// The results of a study's experiments side by side, with each seed's sessions kept separate.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/workflow/experiment/study.h"
#include "routedk/workflow/steps/compare_step.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Results by name, in the study's order; for each, the runs of all seeds by domain.
struct StudyResults {
  std::vector<std::string> names;
  std::vector<std::string> domains;
  std::map<std::string, std::map<std::string, bundle::Runs>> runs;           // name, domain
  std::map<std::string, std::map<std::string, bundle::Evaluation>> figures;  // of these
};

/// Whether a result is a baseline's, which every evaluation has.
bool is_baseline_name(const std::string& name);

/// Adds what the list does not have yet.
template <typename T>
void add_new(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) {
    list.push_back(value);
  }
}

/// From the evaluations of the study's points. Baselines do not depend on variants: they appear once, under
/// their own names, after the systems.
StudyResults study_results(const Study& study, PointExperiments experiments,
                           const bundle::BootstrapOptions& bootstrap);

/// The names of the results that a study will have.
std::vector<std::string> result_names(const Study& study);

}  // namespace routedk::workflow
