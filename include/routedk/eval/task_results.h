/// Systems compared on the examples of a user's own task, as JSON and as tables.
#pragma once

#include "routedk/bundle/bootstrap.h"
#include "routedk/eval/router_stats.h"
#include "routedk/eval/table.h"
#include "routedk/eval/task_answers.h"
#include "routedk/io/json_field.h"

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::eval {

enum class TaskMetric : std::uint8_t {
  kLoss,        ///< nats per token of the examples' own answers, end of turn included
  kExactMatch,  ///< share of answers that equal a reference up to white space
  kRougeL,      ///< mean ROUGE-L of answers with their best reference
};
inline constexpr std::size_t kTaskMetrics = 3;
inline constexpr std::array<std::string_view, kTaskMetrics> kTaskMetricNames = {"loss", "exact_match",
                                                                                "rouge_l"};
using TaskValues = std::array<double, kTaskMetrics>;

/// One line's contribution to the two sums of each metric. The turns of a conversation are resampled
/// together.
struct TaskScore {
  TaskValues numerator{};
  TaskValues denominator{};
};

/// A system under one choice among its answers.
struct TaskResult {
  std::string name;      ///< "dynamic", or "dynamic vote n=4"
  std::string system;    ///< the system's name only
  std::int64_t samples;  ///< number that voted; 0: the greedy answer
  TaskValues values{};
  std::array<bundle::Interval, kTaskMetrics> intervals{};
  double share = 0.0;                              ///< mean share of the candidates with the chosen text
  std::map<std::string, double> loss_by_expert{};  ///< on each expert's own lines
  std::vector<LayerRouting> routing{};             ///< for the greedy result of a system that mixes experts
  double seconds = 0.0;                            ///< to answer all examples; 0 for votes
  std::vector<TaskScore> lines{};                  ///< for paired comparisons
};

struct TaskScoring {
  std::vector<std::int64_t> votes;  ///< each among this many first candidates
  bool mixes = false;               ///< the system's gate weights experts, so its routing is reported
  bundle::BootstrapOptions bootstrap{};
};

/// The greedy answers, then each vote. Answers must be in the order of gold.
std::vector<TaskResult> score_task(const std::string& system, std::span<const TaskGold> gold,
                                   std::span<const TaskAnswer> answers, const TaskScoring& scoring);

/// {"system": ..., "choice": "greedy" or "vote", "samples": N, "loss": ..., "perplexity": ..., "exact_match":
/// ..., "rouge_l": ..., "intervals": {...}, "loss_by_expert": {...}}; votes also have "share", greedy answers
/// "seconds" and, if the system mixes experts, "routing"
io::Json to_json(const TaskResult& result);
/// a - b in every metric with its 95 % interval over the lines, which must be the same: {"a", "b",
/// "difference": {...}, "intervals": {...}}
io::Json compare_task(const TaskResult& a, const TaskResult& b, const bundle::BootstrapOptions& bootstrap);

/// Without rows: loss, perplexity, exact_match and rouge_l, which are the usual columns, "loss NAME" for each
/// expert's lines, share and seconds.
Table task_table(const std::set<std::string>& experts);
/// The table of results.json: "systems", each as to_json writes it, and "warnings"; the title says "examples"
/// and "answers", if there are these.
Table task_table(const io::JsonField& results);

}  // namespace routedk::eval
