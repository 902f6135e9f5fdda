/// The `data:` and `split:` sections: what is learnt from, and how many sessions are held out.
#pragma once

#include "routedk/bundle/dataset.h"
#include "routedk/core/config_rules.h"
#include "routedk/core/named_enum.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Which assistant turns of `messages` are learnt.
enum class TurnLoss {
  kAllTurns,  ///< every one, given all turns before it
  kLastTurn,  ///< only the last
};
constexpr auto enum_names(TurnLoss /*of*/) {
  return std::to_array<EnumName<TurnLoss>>(
      {{TurnLoss::kAllTurns, "all_turns"}, {TurnLoss::kLastTurn, "last_turn"}});
}

struct DataConfig {
  std::string dir;
  std::string domain = "electronic";
  std::vector<std::string> with;
  bundle::Untitled untitled = bundle::Untitled::kError;
  std::string examples;
  std::string validation_examples;
  std::string test_examples;
  double holdout = 0.1;
  TurnLoss loss = TurnLoss::kAllTurns;

  /// The domains of `with` besides `domain`.
  std::vector<std::string> others() const {
    std::vector<std::string> names = with;
    std::erase(names, domain);
    return names;
  }
  /// Whether lines of `examples` are held out for evaluation because no file provides any.
  bool holds_out() const { return validation_examples.empty() && test_examples.empty() && holdout > 0.0; }

  template <typename F>
  void fields(F& f) {
    f("dir", dir,
      "folder of the domains; empty: $ROUTEDK_DATA_DIR, otherwise the sample that comes with the programs",
      InputPath());
    f("domain", domain, "folder in data.dir: electronic, clothing or food in the public data");
    f("with", with,
      "domains of data.dir whose training sessions are added; data.domain itself may be among them");
    f("untitled", untitled,
      "items without a title: error refuses the data, drop drops them and marks results as leaky_titles");
    f("examples", examples,
      "a task of your own instead (docs/training.md): JSON lines of prompt and completion, of instruction, "
      "input and output, or of messages; empty: bundle data",
      InputPath());
    f("validation_examples", validation_examples,
      "the same, to choose each training's best values with; may be empty", InputPath());
    f("test_examples", test_examples,
      "the same, for the evaluation; empty: the validation's, else a share of `examples`", InputPath());
    f("holdout", holdout,
      "share of each expert's lines in `examples` that is kept for the evaluation where no other file is "
      "given",
      between(0, 0.9));
    f("loss", loss, "of messages: learn each of the assistant's turns, or the last alone");
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
