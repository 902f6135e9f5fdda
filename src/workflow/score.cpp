#include "routedk/workflow/score.h"

#include "routedk/bundle/bootstrap.h"
#include "routedk/bundle/predictions.h"

namespace routedk::workflow {

io::Json score(const ScoreOptions& options) {
  const auto data = bundle::load_dataset({options.data_dir, options.domain, options.untitled});
  const auto counts = options.counts ? *options.counts : bundle::default_split_counts(options.data_dir);
  const auto split = bundle::split_sessions(data.sessions, counts);
  const auto& sessions = split.part(options.split);
  const auto predictions = bundle::read_predictions(options.predictions, sessions);
  const auto evaluation =
      bundle::evaluate({bundle::score_sessions(sessions, predictions)}, {.seed = options.seed});
  io::Json result = {{"domain", options.domain},
                     {"split", options.split},
                     {"sessions", sessions.size()},
                     {"leaky_titles", data.leaky_titles}};
  result.update(bundle::to_json(evaluation));
  return result;
}

}  // namespace routedk::workflow
