#include "routedk/eval/results.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

namespace routedk::eval {
namespace {

using io::JsonField;

/// A value of results.json and its column's name.
struct Figure {
  const char* key;
  const char* name;
  Better better = Better::kHigher;
  const char* meaning = "";
};

constexpr auto kUsual = std::to_array<Figure>({{"f1", "f1", Better::kHigher, kMeaningOfF1},
                                               {"jaccard_f1", "jaccard_f1"},
                                               {"precision_all", "precision_all"},
                                               {"recall_distinct_all", "recall_distinct_all"}});
constexpr auto kOthers = std::to_array<Figure>(
    {{"exact_match", "exact_match"},
     {"parse_rate", "parse_rate", Better::kHigher, "share of the answers that parse"},
     {"bundles_per_session", "bundles_per_session", Better::kNeither},
     {"precision", "precision", Better::kHigher, "over the sessions that were answered with a bundle"},
     {"recall", "hits_per_gold", Better::kHigher,
      "the published recall (`recall` in results.json): predicted bundles that hit / gold bundles, above 1 "
      "where several hit the same one"},
     {"recall_distinct", "recall_distinct"},
     {"coverage", "coverage", Better::kHigher, "share of the gold bundle that a hit covers, over all hits"},
     {"recall_all", "hits_per_gold_all", Better::kHigher, "`recall_all` in results.json"},
     {"jaccard_precision", "jaccard_precision"},
     {"jaccard_recall", "jaccard_recall"}});

/// A value of an object that may be absent, with its interval if it has one.
Cell cell_of(const JsonField& figures, const std::string& key) {
  if (figures.absent() || figures[key].absent()) {
    return {};
  }
  Cell cell{figures[key].real()};
  if (!figures["intervals"].absent()) {
    const auto ends = figures["intervals"][key].items();
    cell.interval =
        ends.size() == 2 ? std::optional(bundle::Interval{ends[0].real(), ends[1].real()}) : std::nullopt;
  }
  return cell;
}

std::string title_of(const JsonField& results) {
  return fmt::format("Results: {}, {} sessions of the {} split", results["domain"].text(),
                     results["sessions"].integer(0), results["split"].text());
}

std::string rule_of(const JsonField& system) {
  if (system["baseline"].boolean(false)) {
    return "baseline";
  }
  std::string rule = system["select"].text_or("");
  if (!system["utility"].absent()) {
    rule += " " + system["utility"].text();
  }
  return system["expectation"].is("model_based") ? rule + " model_based" : rule;
}

std::string label_in(const JsonField& system, const std::string& name) {
  const std::string own = system["system"].text_or(name);
  return system["select"].absent()
             ? own
             : fmt::format("{} ({}, n={})", own, rule_of(system), system["samples"].integer(1));
}

Cell text_cell(std::string text) {
  Cell cell;
  cell.text = std::move(text);
  return cell;
}

Cell count_of(const JsonField& number) {
  return number.absent() ? Cell{} : Cell{number.real(), {}, 0};
}

/// Comparisons in f1, by the name of the compared result.
std::map<std::string, JsonField> by_result(const JsonField& comparisons) {
  std::map<std::string, JsonField> found;
  for (const JsonField& one : comparisons.items()) {
    found.emplace(one["a"].text(), one["f1"]);
  }
  return found;
}

/// Two columns and their cells: the difference in f1 to another result, and its p-value.
struct Against {
  std::string other;
  std::map<std::string, JsonField> comparisons;

  void add_columns(std::vector<Column>& columns) const {
    columns.push_back({"f1_vs_" + other, Better::kNeither, "f1 minus that of the " + other});
    columns.push_back(
        {"p_vs_" + other, Better::kNeither,
         "p-value of that difference, a paired bootstrap, not corrected for how many are shown"});
  }

  void add_cells(const std::string& result, std::vector<Cell>& cells) const {
    const auto found = comparisons.find(result);
    if (found == comparisons.end()) {
      cells.insert(cells.end(), 2, Cell{});
      return;
    }
    const auto interval = found->second["interval"].items();
    found->second["interval"].require(interval.size() == 2, "be a list of two numbers");
    cells.push_back(
        {found->second["difference"].real(), bundle::Interval{interval[0].real(), interval[1].real()}});
    cells.push_back({found->second["p_value"].real(), {}, 4});
  }
};

std::vector<Column> columns_of(const std::vector<Against>& against) {
  std::vector<Column> columns = {{"rule"}, {"n"}};
  const auto add = [&](const Figure& figure) {
    columns.push_back({figure.name, figure.better, figure.meaning});
  };
  std::ranges::for_each(kUsual, add);
  std::ranges::for_each(kOthers, add);
  columns.push_back({"oracle_f1", Better::kHigher,
                     "f1 of each session's best candidate, which only bundle_vote and expected_utility can "
                     "exceed"});
  columns.push_back(
      {"pair_auc", Better::kHigher,
       "chance that a pair of one gold bundle is in more candidates than a pair that shares none; "
       ".5 is chance"});
  columns.push_back({"equal", Better::kNeither, "share of pairs of candidates that agree"});
  for (const Against& other : against) {
    other.add_columns(columns);
  }
  columns.push_back({"seconds", Better::kNeither,
                     "to draw all candidates of all sessions; in the rows with the largest n"});
  return columns;
}

std::vector<Cell> cells_of(const std::string& name, const JsonField& system,
                           const std::vector<Against>& against) {
  std::vector<Cell> cells = {text_cell(rule_of(system)), count_of(system["samples"])};
  const auto add = [&](const Figure& figure) { cells.push_back(cell_of(system, figure.key)); };
  std::ranges::for_each(kUsual, add);
  std::ranges::for_each(kOthers, add);
  cells.push_back(cell_of(system["oracle"], "f1"));
  cells.push_back(cell_of(system, "pair_auc"));
  cells.push_back(cell_of(system["overlap"], "equality"));
  for (const Against& other : against) {
    other.add_cells(name, cells);
  }
  const double seconds = system["seconds"].real_or(0.0);
  cells.push_back(seconds > 0.0 ? Cell{seconds, {}, 1} : Cell{});
  return cells;
}

}  // namespace

std::string label_of(const SystemResult& result) {
  return label_in(JsonField(to_json(result), result.name), result.name);
}

Table results_table(const JsonField& results) {
  const JsonField systems = results["systems"];
  systems.require(systems.value().is_object(), "be an object");
  const std::vector<Against> against = {{"backbone", by_result(results["against_backbone"])},
                                        {"vote", by_result(results["against_vote"])}};
  Table table;
  table.title = results["domain"].absent() ? "" : title_of(results);
  table.columns = columns_of(against);
  table.labels = 2;
  for (const Figure& figure : kUsual) {
    table.usual.emplace_back(figure.name);
  }
  for (const auto& [name, ignored] : systems.value().items()) {
    const JsonField system = systems[name];
    table.rows.push_back(
        {system["system"].text_or(name), system["baseline"].boolean(false), cells_of(name, system, against)});
    for (const std::string& warning : system["warnings"].texts()) {
      table.warnings.push_back(fmt::format("{}: {}", label_in(system, name), warning));
    }
  }
  return table;
}

}  // namespace routedk::eval
