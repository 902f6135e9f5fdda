/// Attention over the cache, divided among a team of threads (kv_cache.h).
#pragma once

#include "routedk/kernels/cpu/team.h"
#include "routedk/kernels/kv_cache.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include <ATen/ATen.h>

namespace routedk::kernels::cpu {

/// Writes k, v [T,G,C] F32 of the rows; threads may write different rows at once.
void cache_write(KvCache& cache, std::int64_t layer, std::span<const CacheRow> rows, const float* k,
                 const float* v);
/// Attention of the rows of a pass over the cache: planned once, run for every layer. A row's sums do not
/// depend on the other rows or on the number of threads. cache and rows must outlive it.
class CacheAttention {
 public:
  CacheAttention(const KvCache& cache, std::span<const CacheRow> rows);
  /// q [T,H,C] F32 -> out [T,H,C]. A step of the team: every member must call it.
  void run(std::int64_t layer, const float* q, float* out, Team::Member& member);

 private:
  /// Rows begin .. end, all of one prompt.
  struct Part {
    std::int64_t begin;
    std::int64_t end;
    std::int64_t chunks;  ///< of the keys that any of its rows sees
    std::int64_t first;   ///< where the part's floats begin in memory_
  };
  std::span<const CacheRow> rows_of(const Part& part) const;

  const KvCache& cache_;
  std::span<const CacheRow> rows_;
  std::vector<Part> parts_;
  std::int64_t chunks_ = 0;                      // over all parts and key/value heads
  bool split_ = false;                           // whether threads divide chunks, instead of parts and heads
  at::Tensor memory_;                            // the partial result of each chunk, if split_
  std::vector<std::atomic<std::int64_t>> done_;  // chunks finished, for each part and head
};

}  // namespace routedk::kernels::cpu
