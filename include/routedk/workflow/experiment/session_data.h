/// The sessions that an experiment learns from and is evaluated on: where they are, read, joined and split.
#pragma once

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"
#include "routedk/workflow/experiment/experiment_config.h"

#include <filesystem>
#include <string>

namespace routedk::workflow {

/// The data folder: the one given, else $ROUTEDK_DATA_DIR, else the project's data/sample.
std::filesystem::path data_folder(const std::string& given);

/// The split counts of the settings, completed from the data folder.
bundle::SplitCounts split_counts(const SplitConfig& settings, const std::filesystem::path& data);

/// The data of `data:`; none if the experiment learns from examples. ConfigError if data.dir is no folder;
/// otherwise throws as load_dataset and join_domains do.
bundle::Dataset dataset_of(const ExperimentConfig& config);

/// Its sessions, as `split:` divides them.
bundle::Split split_of(const ExperimentConfig& config, const bundle::Dataset& dataset);

}  // namespace routedk::workflow
