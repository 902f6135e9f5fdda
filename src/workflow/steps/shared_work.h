/// A step's sessions in parts, each by a process that need not know of the others.
///
///   STEP/shards/2-of-4.part.jsonl  under way      STEP/shards/2-of-4.jsonl  whole
///
/// Whole parts, of any count, are put together as soon as every session is in one: by the process that ends
/// last, or by one that is asked to.
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
  std::int64_t batch = 1;  ///< sessions that are computed together
  /// Where one process alone would write: JSON lines with a "session" each, here in the order of the
  /// sessions.
  std::filesystem::path file;
  /// Writes the lines of some of the sessions to a file, or goes on with one that was cut off.
  std::function<void(const std::vector<bundle::Session>&, const std::filesystem::path&)> write;
  Readers readers = Readers::kUmask;  ///< of `file`
  /// With all lines in `file`, before the step is whole.
  std::function<void()> finish = [] {};
};

/// Does this process's part unless it is whole, then puts the parts together where none lacks; else says
/// which do. The step is begun and marked done. With `merge` ConfigError where one lacks. UserError when
/// another process works on the same part.
void do_part(Experiment& experiment, const SharedWork& work);

}  // namespace routedk::workflow
