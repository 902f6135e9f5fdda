#include "routedk/eval/task_results.h"

#include <cmath>
#include <filesystem>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace routedk::eval {
namespace {

using io::JsonField;

constexpr const char* kLoss = "loss";
constexpr const char* kPerplexity = "perplexity";

std::string loss_column(const std::string& expert) {
  return "loss " + expert;
}

Cell metric_cell(const JsonField& result, const std::string& metric) {
  Cell cell{result[metric].real()};
  const JsonField interval = result["intervals"][metric];
  const auto ends = interval.items();
  interval.require(ends.size() == 2, "be a list of two numbers");
  cell.interval = bundle::Interval{ends[0].real(), ends[1].real()};
  return cell;
}

/// The exponential of the loss.
Cell perplexity_cell(const Cell& loss) {
  return {std::exp(*loss.value),
          bundle::Interval{std::exp(loss.interval->low), std::exp(loss.interval->high)}};
}

Cell number_cell(const JsonField& number, int digits) {
  return number.absent() ? Cell{} : Cell{number.real(), {}, digits};
}

std::vector<Cell> cells_of(const JsonField& result, const std::set<std::string>& experts) {
  const bool greedy = result["choice"].is("greedy");  // a vote does not change the loss
  const Cell loss = greedy ? metric_cell(result, kLoss) : Cell{};
  std::vector<Cell> cells = {loss, greedy ? perplexity_cell(loss) : Cell{},
                             metric_cell(result, "exact_match"), metric_cell(result, "rouge_l")};
  for (const std::string& expert : experts) {
    cells.push_back(greedy ? number_cell(result["loss_by_expert"][expert], 3) : Cell{});
  }
  cells.push_back(number_cell(result["share"], 3));
  cells.push_back(number_cell(result["seconds"], 1));
  return cells;
}

}  // namespace

Table task_table(const std::set<std::string>& experts) {
  Table table;
  table.columns = {{kLoss, Better::kLower, "nats per token of the answers held out"},
                   {kPerplexity, Better::kLower},
                   {"exact_match", Better::kHigher},
                   {"rouge_l", Better::kHigher}};
  for (const Column& column : table.columns) {
    table.usual.push_back(column.name);
  }
  for (const std::string& expert : experts) {
    table.columns.push_back({loss_column(expert), Better::kLower});
  }
  table.columns.push_back({"share", Better::kNeither, "of the candidates that agree with the vote"});
  table.columns.push_back({"seconds", Better::kNeither, "to answer greedily and to draw the candidates"});
  return table;
}

Table task_table(const io::JsonField& results) {
  const JsonField systems = results["systems"];
  systems.require(systems.value().is_object(), "be an object");
  std::set<std::string> experts;
  for (const auto& [name, system] : systems.value().items()) {
    for (const auto& [expert, ignored] : systems[name]["loss_by_expert"].value().items()) {
      experts.insert(expert);
    }
  }
  Table table = task_table(experts);
  if (!results["examples"].absent()) {
    table.title = fmt::format("Results: {}, {} answers",
                              std::filesystem::path(results["examples"].text()).filename().string(),
                              results["answers"].integer(0));
  }
  for (const auto& [name, ignored] : systems.value().items()) {
    table.rows.push_back({name, false, cells_of(systems[name], experts)});
  }
  table.warnings = results["warnings"].texts();
  return table;
}

}  // namespace routedk::eval
