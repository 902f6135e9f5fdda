/// The one grammar of gates and systems, as `eval.systems` and `--gate` write them: a word, or a word and
/// what follows its colon.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace routedk::experts {

enum class GateKind {
  kBackbone,             ///< no expert
  kAverage,              ///< 1/K of each
  kDynamic,              ///< the run's router, which looks at its input
  kStatic,               ///< the run's router, which weighs all inputs alike
  kTies,                 ///< one expert merged from all deltas (experts/ties.h)
  kTiesFactors,          ///< one expert merged from all factors
  kTopK,                 ///< the run's router, the largest so many weights kept
  kThreshold,            ///< the run's router, the weights of at least that share kept
  kAblate,               ///< the run's router, one expert's weight set to 0
  kRandomRouter,         ///< the run's router, its weights random ones of the same norm
  kRouter,               ///< the router in a folder
  kOneHot,               ///< the expert of that number
  kEnsemble,             ///< each expert in a pass of its own, their next-token distributions averaged
  kRandomExperts,        ///< random experts of the trained ones' norms under a router of their own
  kOneLoraOnRouterData,  ///< one expert that learnt from the router's data, without a router
  kPermuted,             ///< each session under the weights that the run's router gave another one
  kItemsets,             ///< no gate: frequent itemsets of categories answer
  kTeacher,              ///< no gate: the teacher's own answers
  kPredictions,          ///< no gate: answers in a file, for an evaluation
  kNamed,                ///< any other text: an expert's name or, for `--gate`, also a router's folder
};

struct GateSpec {
  GateKind kind = GateKind::kAverage;
  double share = 0.0;       ///< DENSITY of ties and ties_factors, SHARE of threshold
  std::int64_t number = 0;  ///< RANK of ties (0: none), N of top_k, I of one-hot
  std::string name{};       ///< NAME of ablate, FOLDER, FILE, or the text of kNamed
  bool operator==(const GateSpec&) const = default;
};

/// ConfigError names text and rule where a known word has something else behind its colon.
GateSpec parse_gate_spec(const std::string& text);
/// The reverse.
std::string to_string(const GateSpec& spec);

/// Whether it changes the router of a run.
bool takes_router(GateKind kind) noexcept;
/// Whether it merges the experts into one.
bool merges(GateKind kind) noexcept;
/// Whether it has a training of its own, as a control of an evaluation.
bool is_trained_control(GateKind kind) noexcept;
/// Whether its answers come from elsewhere than a model, so that there are no candidates.
bool needs_no_model(GateKind kind) noexcept;
/// Whether it needs nothing but the experts: no run, no training of its own, no other answers.
bool weighs_given_experts(GateKind kind) noexcept;

/// All forms, or those of the kinds that `are_meant`: "backbone, average, ..., ties:DENSITY[:RANK], ...".
std::string gate_forms(bool (*are_meant)(GateKind) = nullptr);

}  // namespace routedk::experts
