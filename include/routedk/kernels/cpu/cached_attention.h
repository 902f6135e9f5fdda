/// Attention through the cache as a team of threads shares it out (kv_cache.h).
#pragma once

#include "routedk/kernels/cpu/team.h"
#include "routedk/kernels/kv_cache.h"

#include <cstdint>
#include <span>

namespace routedk::kernels::cpu {

/// Keeps k, v [T,G,C] F32 of some rows; threads may keep different rows at once.
void cache_write(KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows, const float* k,
                 const float* v);
/// q [T,H,C] F32 -> out [T,H,C]. A step of the team: every member calls it.
void cache_attend(const KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows, const float* q,
                  float* out, Team::Member& member);

}  // namespace routedk::kernels::cpu
