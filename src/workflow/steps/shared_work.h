/// A step's sessions in parts, each done by an independent process.
///
///   STEP/shards/2-of-4.part.jsonl  under way      STEP/shards/2-of-4.jsonl  whole
///
/// Complete parts, of any count, are merged as soon as they cover every session: by the process that ends
/// last, or by one run with `merge`.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/core/files.h"
#include "routedk/workflow/experiment/experiment.h"

#include <filesystem>
#include <functional>
#include <vector>

namespace routedk::workflow {

struct SharedWork {
  StepId id;
  std::vector<bundle::Session> sessions;
  std::int64_t batch = 1;  ///< sessions computed together
  /// The step's file: JSON lines with a "session" each, in the order of the sessions.
  std::filesystem::path file;
  /// Writes the lines of some of the sessions to a file, or resumes an interrupted one.
  std::function<void(const std::vector<bundle::Session>&, const std::filesystem::path&)> write;
  Readers readers = Readers::kUmask;  ///< of `file`
  /// Called once all lines are in `file`, before the step is complete.
  std::function<void()> finish = [] {};
};

/// Does this process's part unless it is complete, then merges the parts if none is missing, or else logs
/// which are. Begins the step and marks it done. With `merge`, ConfigError if a part is missing. UserError if
/// another process works on the same part.
void do_part(Experiment& experiment, const SharedWork& work);

}  // namespace routedk::workflow
