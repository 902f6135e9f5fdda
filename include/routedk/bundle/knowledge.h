/// What a teacher wrote about training sessions: rules and thoughts, and the JSON lines file that keeps them.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/io/jsonl.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace routedk::bundle {

enum class KnowledgeKind { kRules, kThought };

/// "rules" or "thought".
const char* knowledge_name(KnowledgeKind kind) noexcept;

/// One text of a teacher about one session.
struct KnowledgeRecord {
  SessionId session = 0;
  KnowledgeKind kind = KnowledgeKind::kRules;
  std::string text;
  std::string teacher;  ///< who wrote it, with version and settings
  std::string inputs;   ///< inputs_hash of what it was written from
  bool operator==(const KnowledgeRecord&) const = default;
};

/// 16 hexadecimal digits of everything a record depends on: the teacher, the kind, and the session's id,
/// titles, categories, gold bundles and intents.
std::string inputs_hash(std::string_view teacher, KnowledgeKind kind, const Session& session);

/// {"session": 12, "kind": "rules", "text": "...", "teacher": "...", "inputs": "..."}
io::Json to_json(const KnowledgeRecord& record);
/// The reverse; FileError names `where` (file:line) and the field that is missing, unknown or of another
/// type.
KnowledgeRecord knowledge_from_json(const io::Json& json, const std::string& where);

/// Records by session and kind.
class KnowledgeStore {
 public:
  KnowledgeStore() = default;
  /// Reads a JSON lines file; of several records of one session and kind the last counts. FileError where the
  /// file can't be read or a line breaks the form.
  static KnowledgeStore load(const std::filesystem::path& path);

  /// Adds a record or replaces the one of its session and kind.
  void put(KnowledgeRecord record);
  /// nullptr where the store holds none.
  const KnowledgeRecord* find(SessionId session, KnowledgeKind kind) const;
  /// The text of a session's record; DataError names session and kind where the store holds none.
  const std::string& text(SessionId session, KnowledgeKind kind) const;
  std::size_t size() const noexcept { return records_.size(); }

 private:
  std::map<std::pair<SessionId, KnowledgeKind>, KnowledgeRecord> records_;
};

}  // namespace routedk::bundle
