/// docs/settings.md: every setting of an experiment and of a study.
#pragma once

#include <string>

namespace routedk::workflow {

/// The page as Markdown, generated from the `fields` of ExperimentConfig and StudyConfig.
std::string settings_page();

}  // namespace routedk::workflow
