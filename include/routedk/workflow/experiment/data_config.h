/// The `data:` and `split:` sections: what is learnt from, and how many sessions are kept from training.
#pragma once

#include "routedk/bundle/dataset.h"
#include "routedk/core/config_rules.h"

#include <cstdint>
#include <optional>
#include <string>

namespace routedk::workflow {

struct DataConfig {
  std::string dir;
  std::string domain = "electronic";
  bundle::Untitled untitled = bundle::Untitled::kError;
  std::string examples;
  std::string validation_examples;

  template <typename F>
  void fields(F& f) {
    f("dir", dir,
      "folder of the domains; empty: $ROUTEDK_DATA_DIR, otherwise the sample that comes with the programs",
      InputPath());
    f("domain", domain, "folder in data.dir: electronic, clothing or food in the public data");
    f("untitled", untitled,
      "items without a title: error refuses the data, drop drops them and marks results as leaky_titles");
    f("examples", examples,
      R"(a task of your own instead: JSON lines {"prompt", "completion", "expert"}; empty: bundle data)",
      InputPath());
    f("validation_examples", validation_examples, "the same for validation; empty: no validation",
      InputPath());
  }
};

struct SplitConfig {
  std::optional<std::int64_t> test_per_length;
  std::optional<std::int64_t> val_per_length;
  std::int64_t train_limit = 0;

  template <typename F>
  void fields(F& f) {
    f("test_per_length", test_per_length,
      "test sessions of each length; null: as the data folder says, else 20", at_least(0));
    f("val_per_length", val_per_length,
      "validation sessions of each length; null: as the data folder says, else 10", at_least(0));
    f("train_limit", train_limit, "train on this many sessions, evenly spread; 0: all", at_least(0));
  }
};

}  // namespace routedk::workflow
