#include "routedk/workflow/inspect/merge.h"

#include "routedk/core/error.h"
#include "routedk/experts/peft.h"
#include "routedk/experts/routed_model.h"
#include "routedk/workflow/inspect/inspect.h"

#include "core/temporary_folder.h"
#include "experts/tiny_experts.h"
#include "support/dense.h"
#include "support/expect_close.h"
#include "support/forward.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using testing::expect_close;
using ::testing::HasSubstr;

class Merge : public ::testing::Test {
 protected:
  Merge() {
    testing::tiny_llama().save(folder_ / "tiny.gguf");
    for (const auto& expert : testing::tiny_experts()) {
      experts::save_peft(*expert, folder_ / expert->name(), "tiny");
    }
  }

  MergeOptions with(const std::vector<std::string>& adapters, std::vector<double> weights) const {
    MergeOptions options{folder_ / "tiny.gguf", {}, std::move(weights), folder_ / "merged"};
    for (const std::string& adapter : adapters) {
      options.adapters.push_back(folder_ / adapter);
    }
    return options;
  }

  static model::Backbone dense(const std::filesystem::path& path) {
    return model::Backbone::load(path, testing::dense());
  }

  /// The logits of the three experts, mixed in memory.
  at::Tensor mixed(const std::vector<float>& weights) const {
    const at::NoGradGuard no_grad;
    const auto backbone = std::make_shared<const model::Backbone>(dense(folder_ / "tiny.gguf"));
    const experts::RoutedModel model(backbone, testing::tiny_bank());
    const auto batch = testing::batch_of(kIds);
    const experts::FixedGate gate(weights);
    return backbone->logits(model.forward({batch, gate}).hidden);
  }

  static inline const testing::Sequences kIds = {{1, 2, 3, 30, 12}};
  const std::vector<std::string> all_ = {"base", "high_level", "fine_grained"};
  testing::TemporaryFolder folder_;
};

TEST_F(Merge, one_adapter_gives_its_logits_without_it) {
  merge(with({"high_level"}, {}));
  EXPECT_THAT(written_text(folder_ / "merged"),
              ::testing::ContainsRegex("/merged: [2-9] files, 0.[0-9] MiB\n$"));
  const at::Tensor found = testing::logits_of(dense(folder_ / "merged"), kIds);
  expect_close(found, mixed({0, 1, 0}), {0.0, 1e-4});
  EXPECT_GT(testing::largest_difference(found, mixed({0, 0, 0})), 1e-2);
}

TEST_F(Merge, weights_mix_the_deltas) {
  merge(with(all_, {0.5, -0.25, 2.0}));
  const at::Tensor found = testing::logits_of(dense(folder_ / "merged"), kIds);
  expect_close(found, mixed({0.5F, -0.25F, 2.0F}), {0.0, 1e-4});
}

TEST_F(Merge, without_weights_the_mean_is_merged) {
  merge(with(all_, {}));
  const at::Tensor found = testing::logits_of(dense(folder_ / "merged"), kIds);
  expect_close(found, mixed({1.0F / 3, 1.0F / 3, 1.0F / 3}), {0.0, 1e-4});
}

TEST_F(Merge, weights_that_do_not_fit_are_refused) {
  EXPECT_THAT(testing::message_of<ConfigError>([&] {
                merge(with(all_, {1.0, 2.0}));
              }),
              HasSubstr("3 adapters"));
  EXPECT_THAT(testing::message_of<ConfigError>([&] { merge(with({"base"}, {std::nan("")})); }),
              HasSubstr("finite"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "merged"));
}

}  // namespace
}  // namespace routedk::workflow
