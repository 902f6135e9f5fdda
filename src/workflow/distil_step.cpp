#include "routedk/bundle/floors.h"
#include "routedk/core/progress.h"
#include "routedk/distill/annotation_teacher.h"
#include "routedk/distill/report.h"
#include "routedk/workflow/steps.h"

#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

/// The heuristic whose mistakes the rules are drawn from.
constexpr const char* kProposer = "similar_groups";

io::Json report(const distill::AnnotationTeacher& teacher, const std::vector<bundle::Session>& training,
                const std::filesystem::path& store) {
  const auto knowledge = bundle::KnowledgeStore::load(store);
  io::Json json = teacher.report();
  for (const auto kind : {bundle::KnowledgeKind::kRules, bundle::KnowledgeKind::kThought}) {
    json[bundle::knowledge_name(kind)] = to_json(distill::knowledge_share(training, knowledge, kind));
  }
  return json;
}

}  // namespace

void distil_step(Experiment& experiment) {
  require_sessions(experiment, "distil");
  if (!begin_step(experiment, "distil")) {
    return;
  }
  const std::vector<bundle::Session>& training = experiment.split().train;
  const bundle::TfIdf titles(experiment.dataset().titles);
  distill::AnnotationOptions options;
  options.mentions = distill::parse_mentions(experiment.config().thoughts.mentions);
  distill::AnnotationTeacher teacher(training, bundle::predict_floor(kProposer, training, titles), options);
  Progress progress("distil", static_cast<std::int64_t>(training.size()), "sessions");
  std::int64_t before = 0;
  const auto counts = distill::distill_knowledge(teacher, training, experiment.knowledge_file(),
                                                 [&](std::int64_t done, std::int64_t) {
                                                   progress.advance(done - before);
                                                   before = done;
                                                 });
  progress.finish();
  const io::Json figures = report(teacher, training, experiment.knowledge_file());
  io::write_json(experiment.folder() / "knowledge.json", figures);
  spdlog::info(
      "distil: {} records written, {} kept; gold can be read off {:.0f} % of the rules, {:.0f} % of the "
      "thoughts",
      counts.written, counts.kept, 100.0 * figures["rules"]["gold_read_off"].get<double>(),
      100.0 * figures["thought"]["gold_read_off"].get<double>());
  mark_done(experiment, {"distil"});
}

}  // namespace routedk::workflow
