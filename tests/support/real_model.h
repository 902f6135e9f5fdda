/// The real model of the tests, where scripts/setup has fetched it.
#pragma once

#include "routedk/model/backbone.h"

#include <filesystem>

#include "support/dense.h"
#include <gtest/gtest.h>

namespace routedk::testing {

inline std::filesystem::path real_model_path() {
  return std::filesystem::path(ROUTEDK_SOURCE_DIR) / ".deps" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf";
}

/// Loaded once a process, dense in fp32.
inline std::shared_ptr<const model::Backbone> real_model() {
  static const auto backbone = [] {
    return std::make_shared<const model::Backbone>(model::Backbone::load(real_model_path(), dense()));
  }();
  return backbone;
}

/// Tests of the real model; skipped where it has not been fetched.
class RealModel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(real_model_path())) {
      GTEST_SKIP() << "no " << real_model_path() << ": scripts/setup fetches it";
    }
  }
};

}  // namespace routedk::testing
