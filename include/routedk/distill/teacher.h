/// A teacher writes texts about sessions, training sessions as a rule; the knowledge store keeps them.
#pragma once

#include "routedk/bundle/knowledge.h"
#include "routedk/bundle/session.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace routedk::distill {

/// One record to be written.
struct Task {
  const bundle::Session* session = nullptr;  ///< outlives the task
  bundle::KnowledgeKind kind = bundle::KnowledgeKind::kRules;
};

/// Receives each record as soon as it is whole.
using RecordSink = std::function<void(bundle::KnowledgeRecord)>;

class Teacher {
 public:
  /// Where the card changes, what was written before is written again.
  explicit Teacher(bundle::TeacherCard card) : card_(std::move(card)) {}
  Teacher(const Teacher&) = delete;
  Teacher& operator=(const Teacher&) = delete;
  virtual ~Teacher() = default;

  const bundle::TeacherCard& card() const noexcept { return card_; }

  /// Writes a record for every task and hands it to `sink`, in any order. Errors are the teacher's own; what
  /// the sink has heard by then stays good.
  virtual void teach(std::span<const Task> tasks, const RecordSink& sink) = 0;

  /// One record.
  bundle::KnowledgeRecord teach(const bundle::Session& session, bundle::KnowledgeKind kind);

 private:
  bundle::TeacherCard card_;
};

/// A record of the task with everything filled in that does not depend on what was written.
bundle::KnowledgeRecord blank_record(const bundle::TeacherCard& card, const Task& task);

/// What distilling did.
struct DistillCounts {
  std::int64_t total = 0;              ///< records wanted
  std::int64_t kept = 0;               ///< found in the store with the same inputs
  std::int64_t written = 0;            ///< made now
  std::int64_t failed = 0;             ///< of those made now: without a text
  std::int64_t prompt_tokens = 0;      ///< of those made now
  std::int64_t completion_tokens = 0;  ///< of those made now
};

/// Called at the start and after each record.
using DistillProgress = std::function<void(const DistillCounts&)>;

/// Lets the teacher write records of these kinds about each session into the JSON lines file `store`, made
/// where it isn't there. Records that the store holds with the same inputs hash are kept, so that a run that
/// was cut off continues where it stopped; others are appended, each on disk before the next, and replace
/// those of their session. The teacher sees the sessions' gold: rules and thoughts are for training sessions
/// alone.
DistillCounts distill_knowledge(Teacher& teacher, const std::vector<bundle::Session>& sessions,
                                std::span<const bundle::KnowledgeKind> kinds,
                                const std::filesystem::path& store, const DistillProgress& progress = {});

}  // namespace routedk::distill
