/// What a teacher wrote about sessions, rules, thoughts and answers, and the JSON lines file that keeps it.
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
  kRules,    ///< one rule a line, the best supported first
  kThought,  ///< from titles to intents to the composition of gold
  kAnswer,   ///< the teacher's own answer to the raw session, for its own score
};
constexpr auto enum_names(KnowledgeKind /*of*/) {
  return std::to_array<EnumName<KnowledgeKind>>({{KnowledgeKind::kRules, "rules"},
                                                 {KnowledgeKind::kThought, "thought"},
                                                 {KnowledgeKind::kAnswer, "answer"}});
}

/// One thing a teacher was asked, what it replied, and what was wrong with that ("" where nothing was).
struct KnowledgeTurn {
  std::string asked{};
  std::string reply{};
  std::string problem{};
  bool operator==(const KnowledgeTurn&) const = default;
};

/// Who writes: everything that a text depends on besides its session.
struct TeacherCard {
  std::string teacher{};     ///< its kind with its version: "annotation/2"
  std::string model{};       ///< "" where it is none
  std::string prompts{};     ///< hash of the templates it is asked with, "" where it is asked nothing
  std::string parameters{};  ///< "temperature=0.7 rounds=2": every other setting
  std::uint64_t seed = 0;
  bool operator==(const TeacherCard&) const = default;
};

/// One text of a teacher about one session.
struct KnowledgeRecord {
  SessionId session = 0;
  KnowledgeKind kind = KnowledgeKind::kRules;
  std::string text{};     ///< empty where the teacher failed
  TeacherCard teacher{};  ///< who wrote it
  std::string inputs{};   ///< inputs_hash of what it was written from
  std::string gold{};     ///< gold_version of the session it was written about
  std::string failure{};  ///< why there is no text; empty where there is
  std::vector<KnowledgeTurn> turns{};
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double seconds = 0.0;
  std::string time{};  ///< when it was whole, UTC: "2026-01-31T23:59:59Z"

  bool valid() const noexcept { return failure.empty(); }
  bool operator==(const KnowledgeRecord&) const = default;
};

/// 16 hexadecimal digits of the session's gold bundles and intents.
std::string gold_version(const Session& session);

/// 16 hexadecimal digits of everything a record depends on: the teacher, the kind, and the session's id,
/// titles, categories, gold bundles and intents.
std::string inputs_hash(const TeacherCard& teacher, KnowledgeKind kind, const Session& session);

/// {"session": 12, "kind": "rules", "text": "...", "failure": "", "turns": [{"asked", "reply", "problem"}],
///  "teacher", "model", "prompts", "parameters", "seed", "prompt_tokens", "completion_tokens", "seconds",
///  "time", "gold", "inputs"}
io::Json to_json(const KnowledgeRecord& record);
/// The reverse; FileError names `where` (file:line) and the field that is missing, unknown or of another
/// type.
KnowledgeRecord knowledge_from_json(const io::Json& json, const std::string& where);

/// Records by session and kind.
class KnowledgeStore {
 public:
  using Records = std::map<std::pair<SessionId, KnowledgeKind>, KnowledgeRecord>;

  KnowledgeStore() = default;
  /// Reads a JSON lines file; of several records of one session and kind the last counts. A last line without
  /// its newline, which a crash left, is dropped. FileError where the file can't be read or a line breaks the
  /// form.
  static KnowledgeStore load(const std::filesystem::path& path);

  /// Adds a record or replaces the one of its session and kind.
  void put(KnowledgeRecord record);
  /// nullptr where the store holds none.
  const KnowledgeRecord* find(SessionId session, KnowledgeKind kind) const;
  /// The text of a session's record; DataError names session and kind where the store holds none or the
  /// teacher failed.
  const std::string& text(SessionId session, KnowledgeKind kind) const;
  std::size_t size() const noexcept { return records_.size(); }
  const Records& records() const noexcept { return records_; }
  /// Tokens of all records ever put, those replaced since included: what the file cost.
  std::int64_t prompt_tokens() const noexcept { return prompt_tokens_; }
  std::int64_t completion_tokens() const noexcept { return completion_tokens_; }

 private:
  Records records_;
  std::filesystem::path path_;  ///< of the file, for errors; empty: made in memory
  std::int64_t prompt_tokens_ = 0;
  std::int64_t completion_tokens_ = 0;
};

}  // namespace routedk::bundle
