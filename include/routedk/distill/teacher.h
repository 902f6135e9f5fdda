/// A teacher writes rules and a thought about each training session; the knowledge store keeps them.
#pragma once

#include "routedk/bundle/knowledge.h"
#include "routedk/bundle/session.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace routedk::distill {

class Teacher {
 public:
  /// `id` names the teacher with version and every setting its texts depend on: where it changes, what was
  /// written before is written anew.
  explicit Teacher(std::string id) : id_(std::move(id)) {}
  Teacher(const Teacher&) = delete;
  Teacher& operator=(const Teacher&) = delete;
  virtual ~Teacher() = default;

  const std::string& id() const noexcept { return id_; }

  /// The record of a training session, its text as `write` made it.
  bundle::KnowledgeRecord teach(const bundle::Session& session, bundle::KnowledgeKind kind);

 private:
  /// The rules or the thought in words. Errors are the teacher's own.
  virtual std::string write(const bundle::Session& session, bundle::KnowledgeKind kind) = 0;

  std::string id_;
};

/// What distilling did.
struct DistillCounts {
  std::int64_t written = 0;  ///< records made now
  std::int64_t kept = 0;     ///< records found in the store with the same inputs
};

/// Called after each session with how many are done, of how many.
using DistillProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// Lets the teacher write rules and thought of each session into the JSON lines file `store`, made where it
/// isn't there. Records that the store holds with the same inputs hash are kept, so that a run that was cut
/// off goes on where it stopped; others are appended and replace those of their session. `training` must
/// hold training sessions alone: their gold is what the teacher sees.
DistillCounts distill_knowledge(Teacher& teacher, const std::vector<bundle::Session>& training,
                                const std::filesystem::path& store, const DistillProgress& progress = {});

}  // namespace routedk::distill
