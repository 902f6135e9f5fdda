/// Experiments of a test's own: the real tokenizer and model, the project's sample or the test's examples.
#pragma once

#include "routedk/workflow/experiment/experiment.h"

#include <filesystem>
#include <string>

#include "core/temporary_folder.h"
#include "support/real_model.h"

namespace routedk::testing {

class ExperimentFolder : public RealModel {
 protected:
  void SetUp() override {
    RealModel::SetUp();
    const std::filesystem::path source = ROUTEDK_SOURCE_DIR;
    config_.data.dir = (source / "data/sample").string();
    config_.model.path = real_model_path().string();
    config_.prompts = (source / "configs/prompts").string();
    config_.run.dir = (folder_ / "run").string();
  }

  TemporaryFolder folder_;
  workflow::ExperimentConfig config_;
};

}  // namespace routedk::testing
