/// Learning rates over a run.
#pragma once

#include "routedk/core/named_enum.h"

#include <cstdint>

namespace routedk::train {

enum class ScheduleKind { kCosine, kLinear, kConstant };
constexpr auto enum_names(ScheduleKind /*of*/) {
  return std::to_array<EnumName<ScheduleKind>>({{ScheduleKind::kCosine, "cosine"},
                                                {ScheduleKind::kLinear, "linear"},
                                                {ScheduleKind::kConstant, "constant"}});
}

/// Linear warm-up over w = ceil(share * steps) steps, then by kind; the factor of step s = 0, 1, ... is
///   s < w:     (s + 1) / (w + 1)
///   cosine:    (1 + cos(pi p)) / 2,  p = (s - w) / max(1, steps - w)
///   linear:    1 - p
///   constant:  1
/// As in transformers' get_cosine_schedule_with_warmup and its siblings, except that their warm-up is s / w,
/// so that the first step changes nothing.
class Schedule {
 public:
  Schedule(ScheduleKind kind, double warmup_share, std::int64_t steps);
  double factor(std::int64_t step) const noexcept;

 private:
  ScheduleKind kind_;
  std::int64_t steps_;
  std::int64_t warmup_;
};

}  // namespace routedk::train
