/// The inputs that change from step to step, gathered on the host and copied to the GPU.
#pragma once

#include "routedk/kernels/cuda/decode_step.h"

#include <cstdint>
#include <span>
#include <vector>

#include "decode_kernels.h"
#include <ATen/ATen.h>

namespace routedk::kernels::cuda {

/// The rows of one step and the chunks of prompts that they see, in one buffer.
class RowTables {
 public:
  /// Room for 64 rows and `chunk_room` chunks.
  RowTables(std::int64_t chunk_room, at::Device device);

  static std::int64_t chunks_of(std::span<const DecodeStep::Row> rows, const KvCache& cache);
  /// `padded`: number of rows of the step including padding.
  void fill(std::span<const DecodeStep::Row> rows, std::int64_t padded, const KvCache& cache);

  StepTables view() const;
  const int* sequences() const;
  std::int64_t chunk_room() const noexcept { return chunk_room_; }

 private:
  std::int64_t chunk_room_;
  at::Tensor device_;  // I32: rows, sequences, parts, {chunk count, room}, chunks
};

/// Where the keys and values of every layer are.
class CacheTable {
 public:
  CacheTable(std::int64_t layers, std::int64_t prompt_room, at::Device device);

  /// Records where the rows' prompts and the branches are.
  void update(std::span<const DecodeStep::Row> rows, const KvCache& cache);
  std::int64_t prompt_room() const noexcept { return prompt_room_; }
  const KeysValues* prompts(std::int64_t layer) const;  // [prompt_room]
  const KeysValues* own(std::int64_t layer) const;

 private:
  std::int64_t layers_;
  std::int64_t prompt_room_;
  at::Tensor host_;  // [L, prompt_room + 1, 2] I64, the branches last
  at::Tensor device_;
};

}  // namespace routedk::kernels::cuda
