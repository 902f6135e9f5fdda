/// A teacher writes texts about sessions, usually training sessions; the knowledge store keeps them.
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

/// One record to write.
struct Task {
  const bundle::Session* session = nullptr;  ///< outlives the task
  bundle::KnowledgeKind kind = bundle::KnowledgeKind::kRules;
};

/// Receives each record as soon as it is complete.
using RecordSink = std::function<void(bundle::KnowledgeRecord)>;

class Teacher {
 public:
  /// If the card changes, existing records are written again.
  explicit Teacher(bundle::TeacherCard card) : card_(std::move(card)) {}
  Teacher(const Teacher&) = delete;
  Teacher& operator=(const Teacher&) = delete;
  virtual ~Teacher() = default;

  const bundle::TeacherCard& card() const noexcept { return card_; }

  /// Writes a record for every task and passes it to `sink`, in any order. Throws the teacher's errors;
  /// records that the sink has received remain valid.
  virtual void teach(std::span<const Task> tasks, const RecordSink& sink) = 0;

  /// Writes one record.
  bundle::KnowledgeRecord teach(const bundle::Session& session, bundle::KnowledgeKind kind);

 private:
  bundle::TeacherCard card_;
};

/// A record of the task with all fields that do not depend on the text.
bundle::KnowledgeRecord blank_record(const bundle::TeacherCard& card, const Task& task);

/// Counts of a distillation.
struct DistillCounts {
  std::int64_t total = 0;              ///< records wanted
  std::int64_t kept = 0;               ///< already in the store with the same inputs
  std::int64_t written = 0;            ///< written now
  std::int64_t failed = 0;             ///< of those, without a text
  std::int64_t prompt_tokens = 0;      ///< of those
  std::int64_t completion_tokens = 0;  ///< of those
};

/// Called at the start and after each record.
using DistillProgress = std::function<void(const DistillCounts&)>;

/// Has the teacher write records of these kinds about each session into the JSON lines file `store`, which is
/// created if missing. Records in the store with the same inputs hash are kept, so that an interrupted run
/// resumes; others are appended, each on disk before the next, and replace those of their session. The
/// teacher sees the sessions' gold: rules and thoughts are only for training sessions.
DistillCounts distill_knowledge(Teacher& teacher, const std::vector<bundle::Session>& sessions,
                                std::span<const bundle::KnowledgeKind> kinds,
                                const std::filesystem::path& store, const DistillProgress& progress = {});

}  // namespace routedk::distill
