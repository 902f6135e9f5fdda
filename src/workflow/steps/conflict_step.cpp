#include "routedk/core/error.h"
#include "routedk/core/evenly_spread.h"
#include "routedk/eval/conflict.h"
#include "routedk/experts/peft.h"
#include "routedk/io/json_field.h"
#include "routedk/train/answer_loss.h"
#include "routedk/train/trainer.h"
#include "routedk/workflow/steps/learning_data.h"
#include "routedk/workflow/steps/steps.h"

#include <array>
#include <map>
#include <utility>

#include "phases.h"
#include <fmt/format.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;

/// The expert that reads each kind of knowledge, and the kind's name.
constexpr std::array<std::pair<const char*, const char*>, 3> kKinds = {
    {{"base", "raw"}, {"high_level", "rules"}, {"fine_grained", "thought"}}};
constexpr const char* kShared = "merged";  // the expert that reads both rules and thoughts

/// The same sessions under each kind of knowledge, packed.
using Probes = std::array<std::vector<train::PackedBatch>, kKinds.size()>;

Probes probes_of(const Experiment& experiment, at::Device device) {
  auto sessions = evenly_spread(learning_sessions(experiment).experts, experiment.config().watch.conflict);
  std::erase_if(sessions, [&](const bundle::Session& session) {  // the teacher failed at one kind
    return std::any_of(kKinds.begin(), kKinds.end(), [&](const auto& kind) {
      return knowledge_examples(experiment, {session}, kind.first, 0).empty();
    });
  });
  if (sessions.empty()) {
    throw_<DataError>(
        "`watch.conflict` must have training sessions with rules and a thought, but the teacher failed at "
        "all of "
        "them");
  }
  Probes probes;
  for (std::size_t k = 0; k < kKinds.size(); ++k) {
    const auto examples = knowledge_examples(experiment, sessions, kKinds[k].first, 0);
    std::vector<const train::Example*> pointers;
    std::transform(examples.begin(), examples.end(), std::back_inserter(pointers),
                   [](const train::Example& example) { return &example; });
    probes[k] = train::pack_all(std::move(pointers), experiment.config().train.max_tokens, device);
  }
  return probes;
}

/// Gradients of the answers' cross-entropy at the expert's current values, under each kind of knowledge.
class GradientProbe {
 public:
  GradientProbe(const experts::RoutedModel& model, experts::Expert& expert, Probes probes)
      : model_(model), expert_(expert), probes_(std::move(probes)) {}

  /// {"raw, rules": {"all": ..., "q_proj": ...}, ...}. Leaves its own gradient in the buffer; the next step
  /// clears it.
  io::Json cosines() {
    std::array<eval::LinearVectors, kKinds.size()> gradients;
    for (std::size_t k = 0; k < kKinds.size(); ++k) {
      expert_.parameters().grads().zero_();
      for (const train::PackedBatch& batch : probes_[k]) {
        train::answer_loss_sum(model_, gate_, batch).backward();
      }
      gradients[k] = eval::gradient_vectors(expert_);
    }
    io::Json json = io::Json::object();
    for (std::size_t a = 0; a < kKinds.size(); ++a) {
      for (std::size_t b = a + 1; b < kKinds.size(); ++b) {
        json[fmt::format("{}, {}", kKinds[a].second, kKinds[b].second)] =
            eval::to_json(eval::cosines_of(gradients[a], gradients[b]));
      }
    }
    return json;
  }

  std::size_t sessions() const {
    std::size_t count = 0;
    for (const train::PackedBatch& batch : probes_.front()) {
      count += batch.keys.size();
    }
    return count;
  }

 private:
  const experts::RoutedModel& model_;
  experts::Expert& expert_;
  experts::SingleExpertGate gate_{0, 1};
  Probes probes_;
};

/// The last record of each step: resumed training repeats steps.
std::map<std::int64_t, io::JsonField> records_in(const fs::path& file) {
  std::map<std::int64_t, io::JsonField> records;
  io::read_records(file, [&](const io::JsonField& line) {
    line["pairs"].require(line["pairs"].value().is_object(), "be an object");
    records.insert_or_assign(line["step"].integer(0), line["pairs"]);
  });
  return records;
}

io::Json gradients_json(const std::map<std::int64_t, io::JsonField>& records) {
  io::Json json = {{"steps", io::Json::array()}, {"pairs", io::Json::object()}};
  for (const auto& [step, pairs] : records) {
    json["steps"].push_back(step);
    for (const auto& [pair, ignored] : pairs.value().items()) {
      const io::JsonField cosines = pairs[pair];
      io::Json& own = json["pairs"][pair];
      own["cosine"].push_back(cosines["all"].real());
      for (const auto& [linear, cosine] : cosines.value().items()) {
        if (linear != "all") {
          io::Json& mean = own["by_linear"][linear];
          mean = (mean.is_null() ? 0.0 : mean.get<double>()) +
                 cosines[linear].real() / static_cast<double>(records.size());
        }
      }
    }
  }
  return json;
}

/// Compares the deltas of the bank's experts in pairs; `merged` is the one that read everything.
io::Json parameters_json(const Experiment& experiment, const model::LlamaConfig& shape) {
  std::vector<experts::Expert> all;
  for (const std::string& name : experiment.config().experts) {
    all.push_back(experts::load_peft(experiment.expert_folder(name), name, shape));
  }
  io::Json json = io::Json::object();
  for (std::size_t a = 0; a < all.size(); ++a) {
    for (std::size_t b = a + 1; b < all.size(); ++b) {
      json[fmt::format("{}, {}", all[a].name(), all[b].name())] =
          eval::to_json(eval::delta_cosines(all[a], all[b]));
    }
  }
  return json;
}

}  // namespace

void conflict_step(Experiment& experiment) {
  require_sessions(experiment, StepKind::kConflict);
  const StepId id{StepKind::kConflict};
  for (const StepId& input : experiment.step(id).inputs) {
    require_done(experiment, input, input.kind == StepKind::kDistil ? "routedk-distill" : "routedk-train");
  }
  if (!begin_step(experiment, id)) {
    return;
  }
  const auto backbone = experiment.backbone();
  const auto expert = new_expert(kShared, experiment.config(), backbone->config());
  expert->to(backbone->device());
  const experts::RoutedModel model(
      backbone, std::make_shared<experts::ExpertBank>(std::vector<std::shared_ptr<experts::Expert>>{expert}));
  GradientProbe probe(model, *expert, probes_of(experiment, backbone->device()));
  const fs::path folder = experiment.step_folder(id);
  const fs::path file = folder / "gradients.jsonl";
  {
    io::JsonlWriter writer(file);
    const train::TrainConfig config = experiment.config().train.likelihood_phase();
    train::TrainingJob job{model,
                           config,
                           {{kShared,
                             &expert->parameters(),
                             std::make_shared<experts::SingleExpertGate>(0, 1),
                             {},
                             expert_settings(experiment)}},
                           expert_examples(experiment, kShared, 0),
                           {},
                           folder / "checkpoints",
                           [&](const train::Event& event) {
                             if (const auto* step = std::get_if<train::StepEvent>(&event)) {
                               writer.append({{"step", step->number}, {"pairs", probe.cosines()}});
                               writer.sync();
                             }
                           }};
    job.augment = shuffled_items(experiment, {kShared});
    train::Trainer(std::move(job)).run();
  }
  io::Json json = gradients_json(records_in(file));
  json["sessions"] = probe.sessions();
  json["parameters"] = parameters_json(experiment, backbone->config());
  io::write_json(folder / "conflict.json", json);
  mark_done(experiment, {id});
}

}  // namespace routedk::workflow
