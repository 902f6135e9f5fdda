#include "routedk/workflow/experiment/session_data.h"

#include "routedk/bundle/join_domains.h"
#include "routedk/core/error.h"
#include "routedk/core/evenly_spread.h"
#include "routedk/core/shipped.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <vector>

namespace routedk::workflow {

std::filesystem::path data_folder(const std::string& given) {
  if (!given.empty()) {
    return given;
  }
  const char* set = std::getenv("ROUTEDK_DATA_DIR");
  if (set != nullptr && *set != '\0') {
    return set;
  }
  const std::filesystem::path sample = shipped("data/sample");
  return sample.empty() ? "data/sample" : sample;
}

bundle::SplitCounts split_counts(const SplitConfig& settings, const std::filesystem::path& data) {
  bundle::SplitCounts counts = bundle::default_split_counts(data);
  counts.test_per_length = settings.test_per_length.value_or(counts.test_per_length);
  counts.val_per_length = settings.val_per_length.value_or(counts.val_per_length);
  return counts;
}

bundle::Dataset dataset_of(const ExperimentConfig& config) {
  const DataConfig& data = config.data;
  if (!data.examples.empty()) {
    return {};
  }
  const std::filesystem::path folder = data_folder(data.dir);
  if (!std::filesystem::is_directory(folder)) {
    throw_<ConfigError>("{} must be a folder, but {} is not",
                        data.dir.empty() ? "the data folder ($ROUTEDK_DATA_DIR or the sample)" : "`data.dir`",
                        folder.string());
  }
  const auto load = [&](const std::string& domain) {
    return bundle::load_dataset({folder, domain, data.untitled});
  };
  std::vector<bundle::Dataset> others;
  std::ranges::transform(data.others(), std::back_inserter(others), load);
  return others.empty() ? load(data.domain)
                        : bundle::join_domains(load(data.domain), others, split_counts(config.split, folder));
}

bundle::Split split_of(const ExperimentConfig& config, const bundle::Dataset& dataset) {
  if (!config.data.examples.empty()) {
    return {};
  }
  bundle::Split split =
      bundle::split_sessions(dataset.sessions, split_counts(config.split, data_folder(config.data.dir)));
  split.train = evenly_spread(split.train, config.split.train_limit);
  return split;
}

}  // namespace routedk::workflow
