#include "launch.h"
#include "launchers.h"

namespace routedk::kernels::cuda {
namespace {

constexpr int kTeam = 8;                           // lanes that share a key
constexpr unsigned kThreads = 128;
constexpr int kTeams = kThreads / kTeam;
constexpr int kAtOnce = 4;                         // adjacent numbers per lane
constexpr int kMostSize = 256;                     // C
constexpr int kHeld = kMostSize / kTeam;           // numbers per lane

template <typename T>
ROUTEDK_DEVICE T* place(T* memory, std::int64_t kv_head, std::int64_t room, std::int64_t token,
                        std::int64_t size) {
  return memory + (kv_head * room + token) * size;
}

/// One block per row.
template <typename T>
__global__ void write_rows(const CachedRow<T>* rows, const float* k, const float* v, CacheHeads h) {
  const CachedRow<T> row = rows[blockIdx.x];
  const bool own = row.own_seen > 0;
  const std::int64_t room = own ? h.room : row.prompt_tokens;
  const std::int64_t token = (own ? row.own_seen : row.prompt_seen) - 1;
  for (std::int64_t i = threadIdx.x; i < h.kv_heads * h.size; i += blockDim.x) {
    const std::int64_t from = blockIdx.x * h.kv_heads * h.size + i;
    place(own ? row.own_k : row.prompt_k, i / h.size, room, token, h.size)[i % h.size] = rounded<T>(k[from]);
    place(own ? row.own_v : row.prompt_v, i / h.size, room, token, h.size)[i % h.size] = rounded<T>(v[from]);
  }
}

/// A team's partial result: values weighted by e^(score - largest), and the sum of the weights.
struct Seen {
  float largest;
  float sum;
  float values[kHeld];  ///< columns lane * 4 + 32 j + i
};

/// The column of a lane's number i.
ROUTEDK_DEVICE int column_of(int lane, int i) {
  return i / kAtOnce * kAtOnce * kTeam + lane * kAtOnce + i % kAtOnce;
}

/// Processes keys first, first + kTeams, ... of `count`. All lanes of the warp loop equally often.
template <typename T>
ROUTEDK_DEVICE void see(const T* keys, const T* values, std::int64_t count, std::int64_t first,
                        const float* query, int lane, std::int64_t size, Seen& seen) {
  const int held = static_cast<int>(size / kTeam);
  for (std::int64_t base = 0; base < count; base += kTeams) {
    const std::int64_t key = base + first;
    const bool there = key < count;
    float score = 0.0F;
    for (int i = 0; there && i < held; ++i) {
      score += query[i] * to_float(keys[key * size + column_of(lane, i)]);
    }
    for (int mask = kTeam / 2; mask > 0; mask /= 2) {
      score += shuffle_xor(score, mask);
    }
    if (there) {
      const float largest = score > seen.largest ? score : seen.largest;
      const float keep = exponential(seen.largest - largest);
      const float weight = exponential(score - largest);
      seen.largest = largest;
      seen.sum = seen.sum * keep + weight;
      for (int i = 0; i < held; ++i) {
        seen.values[i] = seen.values[i] * keep + weight * to_float(values[key * size + column_of(lane, i)]);
      }
    }
  }
}

/// One block per row and query head: teams of lanes take keys in turn, then their sums are merged.
template <typename T>
__global__ void attend_rows(const CachedRow<T>* rows, const float* q, float* out, CacheHeads h) {
  const CachedRow<T> row = rows[blockIdx.x];
  const std::int64_t head = blockIdx.y;
  const std::int64_t kv = head / (h.heads / h.kv_heads);
  const int lane = static_cast<int>(threadIdx.x) % kTeam;
  const int team = static_cast<int>(threadIdx.x) / kTeam;
  const int held = static_cast<int>(h.size / kTeam);
  const float scale = inverse_root(static_cast<float>(h.size));
  const std::int64_t at = (blockIdx.x * h.heads + head) * h.size;
  float query[kHeld];
  Seen seen;
  seen.largest = -1e30F;
  seen.sum = 0.0F;
  for (int i = 0; i < held; ++i) {
    query[i] = q[at + column_of(lane, i)] * scale;
    seen.values[i] = 0.0F;
  }
  see(place(row.prompt_k, kv, row.prompt_tokens, 0, h.size), place(row.prompt_v, kv, row.prompt_tokens, 0, h.size),
      row.prompt_seen, team, query, lane, h.size, seen);
  see(place(row.own_k, kv, h.room, 0, h.size), place(row.own_v, kv, h.room, 0, h.size), row.own_seen, team,
      query, lane, h.size, seen);

  __shared__ float largest[kTeams];
  __shared__ float sums[kTeams];
  auto* const values = reinterpret_cast<float*>(shared_memory());  // [kTeams,C]
  largest[team] = seen.largest;
  sums[team] = seen.sum;
  for (int i = 0; i < held; ++i) {
    values[team * h.size + column_of(lane, i)] = seen.values[i];
  }
  __syncthreads();
  float most = largest[0];
  for (const float each : largest) {
    most = each > most ? each : most;
  }
  float sum = 0.0F;
  for (int t = 0; t < kTeams; ++t) {
    sum += sums[t] * exponential(largest[t] - most);
  }
  for (std::int64_t c = threadIdx.x; c < h.size; c += blockDim.x) {
    float value = 0.0F;
    for (int t = 0; t < kTeams; ++t) {
      value += values[t * h.size + c] * exponential(largest[t] - most);
    }
    out[at + c] = value / sum;
  }
}

}  // namespace

template <typename T>
void launch_cache_write(const CachedRow<T>* rows, std::int64_t count, const float* k, const float* v,
                        const CacheHeads& heads, Stream stream) {
  const Grid grid{dim3(static_cast<unsigned>(count)), kThreads};
  launch("cache_write", write_rows<T>, grid, stream, rows, k, v, heads);
}

template <typename T>
void launch_cache_attend(const CachedRow<T>* rows, std::int64_t count, const float* q, float* out,
                         const CacheHeads& heads, Stream stream) {
  if (heads.size > kMostSize || heads.size % (kTeam * kAtOnce) != 0) {
    throw_device_error("cache_attend", "the head size must be a multiple of 32 and at most 256");
  }
  const Grid grid{dim3(static_cast<unsigned>(count), static_cast<unsigned>(heads.heads)), kThreads,
                  kTeams * static_cast<std::size_t>(heads.size) * sizeof(float)};
  launch("cache_attend", attend_rows<T>, grid, stream, rows, q, out, heads);
}

template void launch_cache_write(const CachedRow<float>*, std::int64_t, const float*, const float*,
                                 const CacheHeads&, Stream);
template void launch_cache_write(const CachedRow<BFloat16>*, std::int64_t, const float*, const float*,
                                 const CacheHeads&, Stream);
template void launch_cache_attend(const CachedRow<float>*, std::int64_t, const float*, float*,
                                  const CacheHeads&, Stream);
template void launch_cache_attend(const CachedRow<BFloat16>*, std::int64_t, const float*, float*,
                                  const CacheHeads&, Stream);

}  // namespace routedk::kernels::cuda
