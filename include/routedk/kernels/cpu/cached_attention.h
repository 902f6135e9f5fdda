/// Attention through the cache as a team of threads shares it out (kv_cache.h).
#pragma once

#include "routedk/kernels/cpu/team.h"
#include "routedk/kernels/kv_cache.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels::cpu {

/// Keeps k, v [T,G,C] F32 of some rows; threads may keep different rows at once.
void cache_write(KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows, const float* k,
                 const float* v);
/// What the rows of a pass see of the cache: planned once, run for every layer. A row's sums do not depend on
/// the other rows or on the number of threads. cache and rows must outlive it.
class CacheAttention {
 public:
  CacheAttention(const KvCache& cache, std::span<const CacheRow> rows);
  /// q [T,H,C] F32 -> out [T,H,C]. A step of the team: every member calls it.
  void run(std::int64_t layer, const float* q, float* out, Team::Member& member);

 private:
  /// Rows begin .. end of one prompt.
  struct Part {
    std::int64_t begin;
    std::int64_t end;
    std::int64_t chunks;  ///< of the keys that any of them sees
    std::int64_t first;   ///< of the part's floats in memory_
  };
  std::span<const CacheRow> rows_of(const Part& part) const;

  const KvCache& cache_;
  std::span<const CacheRow> rows_;
  std::vector<Part> parts_;
  std::int64_t chunks_ = 0;                      // of all parts and key/value heads
  bool split_ = false;                           // whether chunks, instead of parts and heads, are shared out
  at::Tensor memory_;                            // what was seen of each chunk, where they are
  std::vector<std::atomic<std::int64_t>> done_;  // chunks that are done, of each part and head
};

}  // namespace routedk::kernels::cpu
