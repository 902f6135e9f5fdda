/// `routedk-inspect merge`: merges adapters into a model's weights.
#pragma once

#include <filesystem>
#include <vector>

namespace routedk::workflow {

struct MergeOptions {
  std::filesystem::path model;                  ///< a GGUF file or a Hugging Face folder
  std::vector<std::filesystem::path> adapters;  ///< PEFT folders
  std::vector<double> weights;                  ///< one per adapter; empty: 1/K each
  std::filesystem::path output;                 ///< a new or empty folder
};

/// Writes a dense Hugging Face folder with W + sum_i w_i s_i B_i A_i for every adapted linear, summed in fp32
/// and stored in the model's type (fp32 for a GGUF); holds one matrix in memory at a time. ConfigError for
/// weights, FileError for files, SystemError if the disk is full.
void merge(const MergeOptions& options);

}  // namespace routedk::workflow
