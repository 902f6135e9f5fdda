#include "routedk/distill/teacher.h"

#include "routedk/core/utc.h"
#include "routedk/io/jsonl.h"

#include <chrono>
#include <optional>

namespace routedk::distill {
namespace {

using bundle::KnowledgeKind;
using bundle::KnowledgeRecord;
using bundle::Session;

/// The tasks for which the store has no record with the same inputs.
std::vector<Task> missing_tasks(const bundle::TeacherCard& card, const std::vector<Session>& sessions,
                                std::span<const KnowledgeKind> kinds, const bundle::KnowledgeStore& known) {
  std::vector<Task> missing;
  for (const Session& session : sessions) {
    for (const KnowledgeKind kind : kinds) {
      const KnowledgeRecord* record = known.find(session.id, kind);
      if (record == nullptr || record->inputs != bundle::inputs_hash(card, kind, session)) {
        missing.push_back({&session, kind});
      }
    }
  }
  return missing;
}

}  // namespace

KnowledgeRecord blank_record(const bundle::TeacherCard& card, const Task& task) {
  KnowledgeRecord record;
  record.session = task.session->id;
  record.kind = task.kind;
  record.teacher = card;
  record.inputs = bundle::inputs_hash(card, task.kind, *task.session);
  record.gold = bundle::gold_version(*task.session);
  return record;
}

KnowledgeRecord Teacher::teach(const Session& session, KnowledgeKind kind) {
  KnowledgeRecord result;
  const Task task{&session, kind};
  teach(std::span(&task, 1), [&](KnowledgeRecord record) { result = std::move(record); });
  return result;
}

DistillCounts distill_knowledge(Teacher& teacher, const std::vector<Session>& sessions,
                                std::span<const KnowledgeKind> kinds, const std::filesystem::path& store,
                                const DistillProgress& progress) {
  io::JsonlWriter writer(store, Readers::kOwner);  // first: it removes an incomplete last line left by a
                                                   // crash
  const std::vector<Task> missing =
      missing_tasks(teacher.card(), sessions, kinds, bundle::KnowledgeStore::load(store));
  DistillCounts counts;
  counts.total = static_cast<std::int64_t>(sessions.size() * kinds.size());
  counts.kept = counts.total - static_cast<std::int64_t>(missing.size());
  const auto report = [&] {
    if (progress) {
      progress(counts);
    }
  };
  report();
  teacher.teach(missing, [&](KnowledgeRecord record) {
    record.time = utc_now();
    writer.append(bundle::to_json(record));
    writer.sync();
    ++counts.written;
    counts.failed += record.valid() ? 0 : 1;
    counts.prompt_tokens += record.prompt_tokens;
    counts.completion_tokens += record.completion_tokens;
    report();
  });
  return counts;
}

}  // namespace routedk::distill
