#include "stoppable_progress.h"

#include <utility>

#include <fmt/format.h>

namespace routedk::workflow {

StoppableProgress::StoppableProgress(const std::string& what, std::int64_t total, const std::string& unit)
    : what_(what), unit_(unit), total_(total), progress_(what, total, unit) {}

void StoppableProgress::reached(std::int64_t done) {
  progress_.advance(done - std::exchange(done_, done));
  if (const int signal = StopSignals::received(); signal != 0 && done < total_) {
    throw Interrupted(signal, fmt::format("signal {} stopped {} after {} of {} {}; run it again to continue",
                                          signal, what_, done, total_, unit_));
  }
}

}  // namespace routedk::workflow
