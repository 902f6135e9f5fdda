/// The common grammar of gates and systems for `eval.systems` and `--gate`: a word, or a word and an argument
/// after a colon.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::experts {

enum class GateKind {
  kBackbone,             ///< no expert
  kAverage,              ///< 1/K each
  kDynamic,              ///< the run's router, which depends on the input
  kStatic,               ///< the run's router, with the same weights for all inputs
  kTies,                 ///< one expert merged from all deltas (experts/ties.h)
  kTiesFactors,          ///< one expert merged from all factors
  kTopK,                 ///< the run's router, keeping the N largest weights
  kThreshold,            ///< the run's router, keeping weights of at least that share
  kAblate,               ///< the run's router, one expert's weight set to 0
  kRandomRouter,         ///< the run's router, with random weights of the same norm
  kRouter,               ///< the router in a folder
  kOneHot,               ///< the expert of that number
  kEnsemble,             ///< each expert in a separate pass, with their next-token distributions averaged
  kRandomExperts,        ///< random experts of the trained ones' norms, with their own router
  kOneLoraOnRouterData,  ///< one expert that learnt from the router's data, without a router
  kPermuted,             ///< each session under the weights that the run's router gave another session
  kItemsets,             ///< no gate: frequent itemsets of categories
  kRelatedGroups,        ///< no gate: groups by the relations of their titles and categories
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

/// ConfigError with text and rule if a known word has an invalid argument.
GateSpec parse_gate_spec(const std::string& text);
/// The inverse of parse_gate_spec.
std::string to_string(const GateSpec& spec);

/// Whether it modifies the run's router.
bool takes_router(GateKind kind) noexcept;
/// Whether it merges the experts into one.
bool merges(GateKind kind) noexcept;
/// Whether it has its own training, as a control in an evaluation.
bool is_trained_control(GateKind kind) noexcept;
/// Whether its answers do not come from a model, so that there are no candidates.
bool needs_no_model(GateKind kind) noexcept;
/// Whether it needs only the experts: no run, no training of its own, no other answers.
bool weighs_given_experts(GateKind kind) noexcept;

/// All forms, or only those of the kinds for which `are_meant` is true: "backbone, average, ...,
/// ties:DENSITY[:RANK], ...".
std::string gate_forms(bool (*are_meant)(GateKind) = nullptr);

/// The word that each form begins with.
std::vector<std::string> gate_words();

}  // namespace routedk::experts
