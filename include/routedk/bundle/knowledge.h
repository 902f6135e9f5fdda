/// What a teacher wrote about sessions, rules, thoughts and answers, and the JSON lines file that stores it.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/core/named_enum.h"
#include "routedk/io/jsonl.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace routedk::bundle {

enum class KnowledgeKind {
  kRules,    ///< one rule per line, the best supported first
  kThought,  ///< from titles to intents to the composition of the gold bundles
  kAnswer,   ///< the teacher's own answer to the raw session, to score the teacher
};
constexpr auto enum_names(KnowledgeKind /*of*/) {
  return std::to_array<EnumName<KnowledgeKind>>({{KnowledgeKind::kRules, "rules"},
                                                 {KnowledgeKind::kThought, "thought"},
                                                 {KnowledgeKind::kAnswer, "answer"}});
}

/// One question to a teacher, its reply, and the problem with that reply ("" if none).
struct KnowledgeTurn {
  std::string asked{};
  std::string reply{};
  std::string problem{};
  bool operator==(const KnowledgeTurn&) const = default;
};

/// The teacher: everything that a text depends on besides its session.
struct TeacherCard {
  std::string teacher{};     ///< kind and version: "annotation/2"
  std::string model{};       ///< "" if it uses none
  std::string prompts{};     ///< hash of the prompt templates, "" if it uses none
  std::string parameters{};  ///< "temperature=0.7 rounds=2": all other settings
  std::uint64_t seed = 0;
  bool operator==(const TeacherCard&) const = default;
};

/// One text by a teacher about one session.
struct KnowledgeRecord {
  SessionId session = 0;
  KnowledgeKind kind = KnowledgeKind::kRules;
  std::string text{};     ///< empty if the teacher failed
  TeacherCard teacher{};  ///< the author
  std::string inputs{};   ///< inputs_hash of its inputs
  std::string gold{};     ///< gold_version of its session
  std::string failure{};  ///< why there is no text; empty if there is one
  std::vector<KnowledgeTurn> turns{};
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double seconds = 0.0;
  std::string time{};  ///< completion time, UTC: "2026-01-31T23:59:59Z"

  bool valid() const noexcept { return failure.empty(); }
  bool operator==(const KnowledgeRecord&) const = default;
};

/// 16 hexadecimal digits: hash of the session's gold bundles and intents.
std::string gold_version(const Session& session);

/// 16 hexadecimal digits: hash of everything that a record depends on: the teacher, the kind, and the
/// session's id, titles, categories, gold bundles and intents.
std::string inputs_hash(const TeacherCard& teacher, KnowledgeKind kind, const Session& session);

/// {"session": 12, "kind": "rules", "text": "...", "failure": "", "turns": [{"asked", "reply", "problem"}],
///  "teacher", "model", "prompts", "parameters", "seed", "prompt_tokens", "completion_tokens", "seconds",
///  "time", "gold", "inputs"}
io::Json to_json(const KnowledgeRecord& record);
/// The reverse; FileError names `where` (file:line) and the field that is missing, unknown or of the wrong
/// type.
KnowledgeRecord knowledge_from_json(const io::Json& json, const std::string& where);

/// Records by session and kind.
class KnowledgeStore {
 public:
  using Records = std::map<std::pair<SessionId, KnowledgeKind>, KnowledgeRecord>;

  KnowledgeStore() = default;
  /// Reads a JSON lines file; the last of several records of one session and kind counts. A last line without
  /// a newline, left by a crash, is dropped. FileError when the file cannot be read or a line is malformed.
  static KnowledgeStore load(const std::filesystem::path& path);

  /// Adds a record or replaces the one of the same session and kind.
  void put(KnowledgeRecord record);
  /// nullptr if there is no such record.
  const KnowledgeRecord* find(SessionId session, KnowledgeKind kind) const;
  /// The text of a session's record; DataError names session and kind if there is none or the teacher failed.
  const std::string& text(SessionId session, KnowledgeKind kind) const;
  std::size_t size() const noexcept { return records_.size(); }
  const Records& records() const noexcept { return records_; }
  /// Tokens of all records ever added, including replaced ones: the total cost of the file.
  std::int64_t prompt_tokens() const noexcept { return prompt_tokens_; }
  std::int64_t completion_tokens() const noexcept { return completion_tokens_; }

 private:
  Records records_;
  std::filesystem::path path_;  ///< of the file, for error messages; empty: created in memory
  std::int64_t prompt_tokens_ = 0;
  std::int64_t completion_tokens_ = 0;
};

}  // namespace routedk::bundle
