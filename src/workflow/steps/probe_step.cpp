#include "routedk/bundle/expert_input.h"
#include "routedk/eval/linear_probe.h"
#include "routedk/eval/session_traits.h"
#include "routedk/experts/router_file.h"
#include "routedk/io/jsonl.h"
#include "routedk/workflow/steps/steps.h"
#include "routedk/workflow/steps/systems.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>

namespace routedk::workflow {
namespace {

/// z of the sessions' prompts under the run's router, [L] of [S,D].
std::vector<at::Tensor> pooled_prompts(Experiment& experiment, const std::vector<bundle::Session>& sessions) {
  const at::NoGradGuard no_grad;
  const System system = load_system(experiment, router_system(experiment.config()));
  const bool rms = experiment.config().router.pool_norm == experts::PoolNorm::kRms;
  const eval::PoolRecorder recorder(*system.gate, rms);
  for (const bundle::Session& session : sessions) {
    const auto prompt =
        experiment.encoder().prompt(bundle::inference_prompt(experiment.templates(), session));
    const auto batch = model::FlatBatch::make({prompt}, {static_cast<std::int64_t>(prompt.size())})
                           .to(system.model.backbone().device());
    system.model.forward({batch, recorder});
  }
  return recorder.pooled();
}

}  // namespace

void probe_step(Experiment& experiment) {
  require_sessions(experiment, StepKind::kProbe);
  const StepId id{StepKind::kProbe};
  for (const StepId& input : experiment.step(id).inputs) {
    require_done(experiment, input, "routedk-train-router");
  }
  if (!begin_step(experiment, id)) {
    return;
  }
  std::vector<bundle::Session> sessions = evaluated_sessions(experiment);
  std::erase_if(sessions, [](const bundle::Session& session) { return session.items.size() < 2; });
  const bundle::TfIdf titles(experiment.dataset().titles);
  const std::vector<eval::SessionTraits> traits = eval::traits_of(sessions, titles);
  io::Json json = {{"sessions", sessions.size()}, {"r2", io::Json::object()}};
  const std::vector<at::Tensor> layers = pooled_prompts(experiment, sessions);
  for (std::size_t t = 0; t < eval::kTraitNames.size(); ++t) {
    std::vector<double> values(traits.size());
    std::transform(traits.begin(), traits.end(), values.begin(), [&](const auto& one) { return one[t]; });
    for (const at::Tensor& z : layers) {
      json["r2"][std::string(eval::kTraitNames[t])].push_back(
          eval::probe_r2(z, at::tensor(values, at::kDouble)));
    }
  }
  io::write_json(experiment.step_folder(id) / "probe.json", json);
  mark_done(experiment, {id});
}

}  // namespace routedk::workflow
