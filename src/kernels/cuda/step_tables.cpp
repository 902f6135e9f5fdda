#include "step_tables.h"

#include <algorithm>
#include <bit>

namespace routedk::kernels::cuda {
namespace {

constexpr std::int64_t kRows = DecodeStep::kMostRows;
constexpr std::int64_t kRowInts = sizeof(StepRow) / sizeof(int);
constexpr std::int64_t kChunkInts = sizeof(PromptChunk) / sizeof(int);
// Offsets of the parts of the buffer.
constexpr std::int64_t kSequences = kRows * kRowInts;
constexpr std::int64_t kParts = kSequences + kRows;
constexpr std::int64_t kChunkCount = kParts + kRows;
constexpr std::int64_t kRoom = kChunkCount + 1;
constexpr std::int64_t kChunks = kRoom + 3;  // aligned

std::int64_t prompt_chunks(const KvCache& cache, std::int64_t prompt) {
  return (cache.prompt_length(prompt) + kChunk - 1) / kChunk;
}

/// Calls with(prompt, first, count) for each run of rows of one prompt.
template <typename With>
void for_each_prompt(std::span<const DecodeStep::Row> rows, const With& with) {
  for (std::size_t first = 0; first < rows.size();) {
    std::size_t end = first;
    while (end < rows.size() && rows[end].place.prompt == rows[first].place.prompt) {
      ++end;
    }
    with(rows[first].place.prompt, first, end - first);
    first = end;
  }
}

}  // namespace

RowTables::RowTables(std::int64_t chunk_room, at::Device device)
    : chunk_room_(chunk_room),
      device_(at::zeros({kChunks + chunk_room * kChunkInts}, at::TensorOptions(device).dtype(at::kInt))) {}

std::int64_t RowTables::chunks_of(std::span<const DecodeStep::Row> rows, const KvCache& cache) {
  std::int64_t count = 0;
  for_each_prompt(
      rows, [&](std::int64_t prompt, std::size_t, std::size_t) { count += prompt_chunks(cache, prompt); });
  return count;
}

void RowTables::fill(std::span<const DecodeStep::Row> rows, std::int64_t padded, const KvCache& cache) {
  // A new buffer for each step: the copy of an earlier one may still be in flight.
  const at::Tensor host =
      at::empty({device_.numel()}, at::TensorOptions(at::kInt).pinned_memory(device_.is_cuda()));
  int* const to = host.data_ptr<int>();
  auto* const step_rows = reinterpret_cast<StepRow*>(to);
  auto* chunk = reinterpret_cast<PromptChunk*>(to + kChunks);
  for (std::size_t m = 0; m < static_cast<std::size_t>(padded); ++m) {
    const bool real = m < rows.size();
    step_rows[m] =
        real ? StepRow{static_cast<int>(rows[m].token), static_cast<int>(rows[m].position),
                       static_cast<int>(rows[m].place.branch), static_cast<int>(rows[m].place.position)}
             : StepRow{0, 0, -1, 0};
    to[kSequences + static_cast<std::int64_t>(m)] = real ? static_cast<int>(rows[m].alpha) : 0;
    to[kParts + static_cast<std::int64_t>(m)] =
        real ? static_cast<int>(prompt_chunks(cache, rows[m].place.prompt) + 1) : 1;
  }
  int count = 0;
  for_each_prompt(rows, [&](std::int64_t prompt, std::size_t first, std::size_t of_prompt) {
    for (int part = 0; part < prompt_chunks(cache, prompt); ++part, ++count) {
      *chunk++ = {static_cast<int>(prompt),
                  static_cast<int>(first),
                  static_cast<int>(of_prompt),
                  part * kChunk,
                  static_cast<int>(cache.prompt_length(prompt)),
                  part};
    }
  });
  to[kChunkCount] = count;
  to[kRoom] = static_cast<int>(cache.branch_tokens());
  const std::int64_t used = kChunks + count * kChunkInts;
  device_.narrow(0, 0, used).copy_(host.narrow(0, 0, used), /*non_blocking=*/true);
}

StepTables RowTables::view() const {
  const int* from = device_.const_data_ptr<int>();
  return {reinterpret_cast<const StepRow*>(from), from + kParts,
          reinterpret_cast<const PromptChunk*>(from + kChunks), from + kChunkCount, from + kRoom};
}

const int* RowTables::sequences() const {
  return device_.const_data_ptr<int>() + kSequences;
}

CacheTable::CacheTable(std::int64_t layers, std::int64_t prompt_room, at::Device device)
    : layers_(layers),
      prompt_room_(prompt_room),
      host_(at::zeros({layers, prompt_room + 1, 2}, at::kLong)),
      device_(at::zeros({layers, prompt_room + 1, 2}, at::TensorOptions(device).dtype(at::kLong))) {}

void CacheTable::update(std::span<const DecodeStep::Row> rows, const KvCache& cache) {
  auto* const to = host_.data_ptr<std::int64_t>();
  bool changed = false;
  for (std::int64_t l = 0; l < layers_; ++l) {
    const KvCache::Layer& layer = cache.layer(l);
    const auto set = [&](std::int64_t place, const KvCache::Panels& held) {
      std::int64_t* pair = to + (l * (prompt_room_ + 1) + place) * 2;
      const auto k = std::bit_cast<std::int64_t>(held.k.mutable_data_ptr());
      const auto v = std::bit_cast<std::int64_t>(held.v.mutable_data_ptr());
      changed = changed || pair[0] != k || pair[1] != v;
      pair[0] = k;
      pair[1] = v;
    };
    for_each_prompt(rows, [&](std::int64_t prompt, std::size_t, std::size_t) {
      set(prompt, layer.prompts[static_cast<std::size_t>(prompt)]);
    });
    set(prompt_room_, layer.branches);
  }
  if (changed) {
    device_.copy_(host_);
  }
}

const KeysValues* CacheTable::prompts(std::int64_t layer) const {
  static_assert(sizeof(KeysValues) == 2 * sizeof(std::int64_t));
  return static_cast<const KeysValues*>(device_.const_data_ptr()) + layer * (prompt_room_ + 1);
}

const KeysValues* CacheTable::own(std::int64_t layer) const {
  return prompts(layer) + prompt_room_;
}

}  // namespace routedk::kernels::cuda
