#include "routedk/distill/teacher.h"

#include "routedk/io/jsonl.h"

#include <array>

namespace routedk::distill {

using bundle::KnowledgeKind;
using bundle::KnowledgeRecord;

KnowledgeRecord Teacher::teach(const bundle::Session& session, KnowledgeKind kind) {
  return {session.id, kind, write(session, kind), id_, bundle::inputs_hash(id_, kind, session)};
}

DistillCounts distill_knowledge(Teacher& teacher, const std::vector<bundle::Session>& training,
                                const std::filesystem::path& store, const DistillProgress& progress) {
  io::JsonlWriter writer(store);  // first: it cuts off what a crash left of a last line
  const bundle::KnowledgeStore known = bundle::KnowledgeStore::load(store);
  DistillCounts counts;
  std::int64_t done = 0;
  for (const bundle::Session& session : training) {
    for (const KnowledgeKind kind : std::array{KnowledgeKind::kRules, KnowledgeKind::kThought}) {
      const KnowledgeRecord* record = known.find(session.id, kind);
      if (record != nullptr && record->inputs == bundle::inputs_hash(teacher.id(), kind, session)) {
        ++counts.kept;
        continue;
      }
      writer.append(bundle::to_json(teacher.teach(session, kind)));
      ++counts.written;
    }
    if (progress) {
      progress(++done, static_cast<std::int64_t>(training.size()));
    }
  }
  writer.sync();
  return counts;
}

}  // namespace routedk::distill
