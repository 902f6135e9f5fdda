#include "routedk/workflow/steps/summary.h"

#include "routedk/core/display.h"
#include "routedk/experts/gate_spec.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

using bundle::Metric;
using eval::SystemResult;
using experts::GateKind;

constexpr std::size_t kNameWidth = 23;
constexpr std::size_t kWhatWidth = 29;

struct SummaryColumn {
  const char* title;
  Metric metric;
};
constexpr auto kSummaryColumns = std::to_array<SummaryColumn>({{"jaccard", Metric::kJaccardF1},
                                                               {"prec", Metric::kPrecisionAll},
                                                               {"recall", Metric::kRecallDistinctAll}});

struct Meaning {
  std::string_view name;
  const char* what;
};
/// Descriptions of experts and baselines, by name.
constexpr auto kMeanings = std::to_array<Meaning>({{"base", "one expert: sessions alone"},
                                                   {"high_level", "one expert: rules"},
                                                   {"fine_grained", "one expert: thoughts"},
                                                   {"merged", "one expert: rules, thoughts"},
                                                   {"whole", "the session as one bundle"},
                                                   {"first_two", "the first two items"},
                                                   {"random_pairs", "items paired at random"},
                                                   {"similar_pair", "most similar pair of titles"},
                                                   {"similar_pairs", "pairs of similar titles"},
                                                   {"similar_groups", "groups of similar titles"}});

std::string named(const std::string& name) {
  const auto* const found = std::ranges::find(kMeanings, std::string_view(name), &Meaning::name);
  return found == kMeanings.end() ? "one expert" : found->what;
}

std::string what_is(const SystemResult& result) {
  if (result.baseline) {
    return named(result.system);
  }
  const experts::GateSpec spec = experts::parse_gate_spec(result.system);
  switch (spec.kind) {
    case GateKind::kBackbone:
      return "the model, untrained";
    case GateKind::kAverage:
      return "all experts, equal weights";
    case GateKind::kDynamic:
      return "all experts, routed";
    case GateKind::kStatic:
      return "all experts, fixed weights";
    case GateKind::kTies:
    case GateKind::kTiesFactors:
      return "all experts, merged";
    case GateKind::kTopK:
    case GateKind::kThreshold:
      return "the router, some experts";
    case GateKind::kAblate:
      return "the router, one expert less";
    case GateKind::kRandomRouter:
      return "a random router";
    case GateKind::kPermuted:
      return "routed as another session";
    case GateKind::kRouter:
      return "another run's router";
    case GateKind::kOneHot:
      return "one expert";
    case GateKind::kEnsemble:
      return "experts' predictions averaged";
    case GateKind::kRandomExperts:
      return "random experts, routed";
    case GateKind::kOneLoraOnRouterData:
      return "one expert: the router's data";
    case GateKind::kItemsets:
      return "itemsets of categories";
    case GateKind::kRelatedGroups:
      return "groups: titles, categories";
    case GateKind::kTeacher:
      return "the teacher's own answers";
    case GateKind::kPredictions:
      return "answers of a file";
    case GateKind::kNamed:
      break;
  }
  return named(result.system);
}

/// One result per system: that of the usual choice, which has the system's name, or else the first.
std::vector<const SystemResult*> one_each(std::span<const SystemResult> results) {
  std::vector<const SystemResult*> chosen;
  for (const SystemResult& result : results) {
    const auto same = std::ranges::find_if(chosen, [&](const SystemResult* other) {
      return other->system == result.system && other->baseline == result.baseline;
    });
    if (same == chosen.end()) {
      chosen.push_back(&result);
    } else if (result.name == result.system) {
      *same = &result;
    }
  }
  return chosen;
}

/// A name longer than its column has its own line.
std::string name_in_full(const std::string& name) {
  const std::string whole = displayed(name);
  return whole.size() <= kNameWidth ? fmt::format("{:<{}}", whole, kNameWidth)
                                    : fmt::format("{}\n{:<{}}", whole, "", kNameWidth);
}

std::string shown(double value) {
  return fmt::format("{:.3f}", value);
}

/// The best value of a column as shown; empty if all look equal.
std::string best_of(const std::vector<const SystemResult*>& rows, Metric metric) {
  if (rows.empty()) {
    return "";
  }
  const auto value_of = [&](const SystemResult* row) { return row->figures.values[metric]; };
  const auto [least, most] = std::ranges::minmax(rows, {}, value_of);
  const std::string best = shown(value_of(most));
  return best == shown(value_of(least)) ? "" : best;
}

char star(double value, const std::string& best) {
  return shown(value) == best ? '*' : ' ';
}

/// How the rows' answers were chosen, the same for all that have candidates: ", vote of 4 candidates".
std::string chosen_by(const std::vector<const SystemResult*>& rows) {
  const auto found =
      std::ranges::find_if(rows, [](const SystemResult* row) { return row->choice.has_value(); });
  return found == rows.end()
             ? ""
             : fmt::format(", {} of {} candidates", (*found)->choice->rule, (*found)->choice->samples);
}

}  // namespace

std::string summary_table(const std::string& title, std::span<const SystemResult> results) {
  const std::vector<const SystemResult*> rows = one_each(results);
  std::string text = displayed(title) + chosen_by(rows) + "\n";
  text += fmt::format("{:<{}} {:<{}} {:<21}", "system", kNameWidth, "what it is", kWhatWidth,
                      "f1 [95 % interval]");
  for (const SummaryColumn& column : kSummaryColumns) {
    text += fmt::format(" {:>7}", column.title);
  }
  text += "\n";
  for (const SystemResult* row : rows) {
    const double f1 = row->figures.values[Metric::kF1];
    const bundle::Interval& interval = row->figures.intervals[static_cast<std::size_t>(Metric::kF1)];
    text += fmt::format("{} {:<{}} {:.3f}{} [{:.3f}, {:.3f}]", name_in_full(row->name), what_is(*row),
                        kWhatWidth, f1, star(f1, best_of(rows, Metric::kF1)), interval.low, interval.high);
    for (const SummaryColumn& column : kSummaryColumns) {
      const double value = row->figures.values[column.metric];
      text += fmt::format(" {:>6.3f}{}", value, star(value, best_of(rows, column.metric)));
    }
    text += "\n";
  }
  text +=
      "* the best of its column. f1: of precision and distinct recall in each session, where a bundle\n"
      "within a gold bundle is a hit; jaccard: jaccard_f1.\n";
  for (const SystemResult& result : results) {
    for (const std::string& warning : result.warnings) {
      text += fmt::format("warning: {}: {}\n", displayed(eval::label_of(result)), displayed(warning));
    }
  }
  return text;
}

}  // namespace routedk::workflow
