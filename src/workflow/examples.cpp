#include "routedk/bundle/expert_input.h"
#include "routedk/core/random.h"
#include "routedk/workflow/steps.h"

#include <spdlog/spdlog.h>

namespace routedk::workflow {
namespace {

bundle::KnowledgePlacement placement_of(const std::string& word) {
  return word == "auxiliary" ? bundle::KnowledgePlacement::kAuxiliary : bundle::KnowledgePlacement::kInput;
}

bool reads(bundle::ExpertKind expert, bundle::KnowledgeKind kind) {
  const auto other = kind == bundle::KnowledgeKind::kRules ? bundle::ExpertKind::kHighLevel
                                                           : bundle::ExpertKind::kFineGrained;
  return expert == other || expert == bundle::ExpertKind::kMerged;
}

/// Whether the teacher failed at something that the expert reads: nothing invalid enters training.
bool lacks_knowledge(const bundle::KnowledgeStore& knowledge, bundle::SessionId session,
                     bundle::ExpertKind expert) {
  for (const auto kind : {bundle::KnowledgeKind::kRules, bundle::KnowledgeKind::kThought}) {
    const bundle::KnowledgeRecord* record = knowledge.find(session, kind);
    if (reads(expert, kind) && record != nullptr && !record->valid()) {
      return true;
    }
  }
  return false;
}

/// The key names session and text, whatever the expert: dropout masks of experts differ by step and layer
/// only where their examples do.
train::Example example(const bundle::SessionEncoder& encoder, const bundle::TrainingText& text, int group,
                       std::uint64_t key) {
  return {encoder.prompt(text.prompt), encoder.answer(text.answer), group, key};
}

}  // namespace

std::vector<train::Example> expert_examples(const Experiment& experiment, const std::string& expert,
                                            int group) {
  const bundle::ExpertInput input{bundle::expert_kind(expert),
                                  placement_of(experiment.config().knowledge.placement)};
  const auto knowledge = bundle::KnowledgeStore::load(experiment.knowledge_file());
  std::vector<train::Example> examples;
  std::int64_t left_out = 0;
  for (const bundle::Session& session : experiment.split().train) {
    if (session.items.size() < 2) {
      continue;
    }
    if (lacks_knowledge(knowledge, session.id, input.expert)) {
      ++left_out;
      continue;
    }
    std::uint64_t part = 0;
    for (const bundle::TrainingText& text :
         bundle::training_texts(experiment.templates(), session, knowledge, input)) {
      const std::uint64_t key = random_key(static_cast<std::uint64_t>(session.id), expert, {part++});
      examples.push_back(example(experiment.encoder(), text, group, key));
    }
  }
  if (left_out > 0) {
    spdlog::warn("{}: {} training sessions are left out, where the teacher failed", expert, left_out);
  }
  return examples;
}

std::vector<train::Example> raw_examples(const Experiment& experiment,
                                         const std::vector<bundle::Session>& sessions, int group) {
  std::vector<train::Example> examples;
  for (const bundle::Session& session : sessions) {
    if (session.items.size() < 2) {
      continue;
    }
    const bundle::TrainingText text{bundle::inference_prompt(experiment.templates(), session),
                                    bundle::gold_text(session)};
    examples.push_back(example(experiment.encoder(), text, group, static_cast<std::uint64_t>(session.id)));
  }
  return examples;
}

}  // namespace routedk::workflow
