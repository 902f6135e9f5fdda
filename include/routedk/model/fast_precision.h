/// The precision that this machine multiplies fast.
#pragma once

#include "routedk/kernels/precision.h"

namespace routedk::model {

/// How many times faster than float32 this CPU multiplies bfloat16: measured once (50 ms), then read from
/// $XDG_CACHE_HOME/routedk/bfloat16_speedup.json (else ~/.cache), keyed by the CPU's name.
double bfloat16_speedup();

/// bfloat16 if it is at least 1.2 times faster.
kernels::Precision fast_precision();

}  // namespace routedk::model
