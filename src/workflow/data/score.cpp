#include "routedk/workflow/data/score.h"

#include "routedk/bundle/baselines.h"
#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/predictions.h"
#include "routedk/core/error.h"
#include "routedk/eval/collapse.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

/// Says how many of the answers' items their sessions do not have: positions, or ids from elsewhere, miss
/// everywhere. "" without any.
std::string foreign_items(const std::vector<bundle::Session>& sessions,
                          const std::vector<bundle::Prediction>& predictions) {
  std::size_t items = 0;
  std::size_t foreign = 0;
  std::string first;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    for (const bundle::Bundle& bundle : predictions[i].value_or(bundle::Answer())) {
      for (const bundle::ItemId item : bundle) {
        ++items;
        if (std::ranges::find(sessions[i].items, item, &bundle::Item::id) == sessions[i].items.end()) {
          first = foreign++ == 0 ? fmt::format("item {} in session {}", item, sessions[i].id) : first;
        }
      }
    }
  }
  return foreign == 0
             ? ""
             : fmt::format("{} of {} items in the answers are not in their sessions, so they miss: {} first",
                           foreign, items, first);
}

/// `warnings` receives the signs of collapse in a file's answers, and their foreign items.
bundle::Runs runs(const ScoreOptions& options, const bundle::Dataset& data,
                  const std::vector<bundle::Session>& sessions, std::vector<std::string>& warnings) {
  if (options.predictor.empty() == options.predictions.empty()) {
    throw_<ConfigError>("either --predictions or --predictor must be given, but {} instead",
                        options.predictor.empty() ? "neither is" : "both are");
  }
  if (!options.predictor.empty()) {
    return bundle::score_baseline(options.predictor, sessions, bundle::TfIdf(data.titles), options.seed);
  }
  const auto predictions = bundle::read_predictions(options.predictions, sessions);
  warnings = eval::collapse_signs(eval::answer_patterns(sessions, predictions));
  if (std::string foreign = foreign_items(sessions, predictions); !foreign.empty()) {
    warnings.push_back(std::move(foreign));
  }
  return {bundle::score_sessions(sessions, predictions)};
}

}  // namespace

io::Json score(const ScoreOptions& options) {
  const auto data = bundle::load_dataset({options.data_dir, options.domain, options.untitled});
  const auto counts = options.counts ? *options.counts : bundle::default_split_counts(options.data_dir);
  const auto split = bundle::split_sessions(data.sessions, counts);
  const auto& sessions = split.part(options.split);
  std::vector<std::string> warnings;
  const auto evaluation = bundle::evaluate(runs(options, data, sessions, warnings), {.seed = options.seed});
  io::Json result = {{"domain", options.domain},
                     {"split", name_of(options.split)},
                     {"sessions", sessions.size()},
                     {"leaky_titles", data.leaky_titles},
                     {"warnings", warnings}};
  result.update(bundle::to_json(evaluation));
  return result;
}

}  // namespace routedk::workflow
