#include "routedk/model/batch.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <numeric>

namespace routedk::model {

FlatBatch FlatBatch::make(const std::vector<std::vector<std::int32_t>>& sequences,
                          const std::vector<std::int64_t>& prompt_len) {
  if (sequences.size() != prompt_len.size()) {
    throw_<ConfigError>("a batch must have one prompt length for each of its {} sequences, but has {}",
                        sequences.size(), prompt_len.size());
  }
  FlatBatch batch;
  batch.prompt_len = prompt_len;
  batch.cu_seqlens = {0};
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const auto length = static_cast<std::int64_t>(sequences[s].size());
    if (prompt_len[s] < 1 || prompt_len[s] > length) {
      throw_<ConfigError>(
          "the prompt length of sequence {} must be between 1 and its {} tokens, but is {} instead", s,
          length, prompt_len[s]);
    }
    batch.cu_seqlens.push_back(batch.cu_seqlens.back() + length);
  }
  const std::int64_t tokens = batch.tokens();
  batch.ids = at::empty({tokens}, at::kLong);
  batch.positions = at::empty({tokens}, at::kLong);
  batch.seq_of_token = at::empty({tokens}, at::kLong);
  auto* ids = batch.ids.data_ptr<std::int64_t>();
  auto* positions = batch.positions.data_ptr<std::int64_t>();
  auto* owner = batch.seq_of_token.data_ptr<std::int64_t>();
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const std::int64_t begin = batch.cu_seqlens[s];
    const std::int64_t end = batch.cu_seqlens[s + 1];
    std::copy(sequences[s].begin(), sequences[s].end(), ids + begin);
    std::iota(positions + begin, positions + end, std::int64_t{0});
    std::fill(owner + begin, owner + end, static_cast<std::int64_t>(s));
  }
  return batch;
}

FlatBatch FlatBatch::to(at::Device device) const {
  return {ids.to(device), positions.to(device), seq_of_token.to(device), cu_seqlens, prompt_len};
}

BatchPart predicting_rows(const FlatBatch& batch) {
  BatchPart part;
  part.batch.prompt_len = batch.prompt_len;
  part.batch.cu_seqlens = {0};
  std::vector<std::int64_t> rows;
  for (std::size_t s = 0; s < batch.prompt_len.size(); ++s) {
    for (std::int64_t row = batch.cu_seqlens[s] + batch.prompt_len[s]; row < batch.cu_seqlens[s + 1]; ++row) {
      rows.push_back(row - 1);
    }
    part.batch.cu_seqlens.push_back(static_cast<std::int64_t>(rows.size()));
  }
  part.rows = at::tensor(rows, at::kLong).to(batch.ids.device());
  part.batch.ids = batch.ids.index_select(0, part.rows);
  part.batch.positions = batch.positions.index_select(0, part.rows);
  part.batch.seq_of_token = batch.seq_of_token.index_select(0, part.rows);
  return part;
}

}  // namespace routedk::model
