#include "routedk/model/batch.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace routedk::model {
namespace {

/// Collects a batch's tokens.
class Tokens {
 public:
  Tokens() { batch_.cu_seqlens = {0}; }
  /// Adds `ids`, with positions from `first`, to the current sequence.
  void add(const std::vector<std::int32_t>& ids, std::int64_t first) {
    const std::int64_t begin = size();
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    positions_.resize(ids_.size());
    std::iota(positions_.begin() + begin, positions_.end(), first);
    sequences_.resize(ids_.size(), batch_.sequences());
    batch_.runs.push_back({begin, size(), first, batch_.sequences()});
  }
  void close(std::int64_t prompt_len) {
    batch_.prompt_len.push_back(prompt_len);
    batch_.cu_seqlens.push_back(size());
  }
  FlatBatch take() && {
    batch_.ids = at::tensor(ids_, at::kLong);
    batch_.positions = at::tensor(positions_, at::kLong);
    batch_.seq_of_token = at::tensor(sequences_, at::kLong);
    return std::move(batch_);
  }

 private:
  std::int64_t size() const { return static_cast<std::int64_t>(ids_.size()); }
  FlatBatch batch_;
  std::vector<std::int64_t> ids_;
  std::vector<std::int64_t> positions_;
  std::vector<std::int64_t> sequences_;
};

/// Whether the run is an answer, separate from the sequence's prompt.
bool is_answer(const FlatBatch& batch, const TokenRun& run) {
  return run.begin > batch.cu_seqlens[static_cast<std::size_t>(run.sequence)];
}

}  // namespace

FlatBatch FlatBatch::make(const std::vector<std::vector<std::int32_t>>& sequences,
                          const std::vector<std::int64_t>& prompt_len) {
  if (sequences.size() != prompt_len.size()) {
    throw_<ConfigError>("a batch must have one prompt length for each of its {} sequences, but has {}",
                        sequences.size(), prompt_len.size());
  }
  Tokens tokens;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const auto length = static_cast<std::int64_t>(sequences[s].size());
    if (prompt_len[s] < 1 || prompt_len[s] > length) {
      throw_<ConfigError>(
          "the prompt length of sequence {} must be between 1 and its {} tokens, but is {} instead", s,
          length, prompt_len[s]);
    }
    tokens.add(sequences[s], 0);
    tokens.close(prompt_len[s]);
  }
  return std::move(tokens).take();
}

FlatBatch FlatBatch::make(const std::vector<PromptAnswers>& sequences) {
  Tokens tokens;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const auto length = static_cast<std::int64_t>(sequences[s].prompt.size());
    if (length == 0) {
      throw_<ConfigError>("the prompt of sequence {} must have at least 1 token, but has 0 instead", s);
    }
    tokens.add(sequences[s].prompt, 0);
    for (const std::vector<std::int32_t>& answer : sequences[s].answers) {
      tokens.add(answer, length);
    }
    tokens.close(length);
  }
  return std::move(tokens).take();
}

FlatBatch FlatBatch::joined(const std::vector<const FlatBatch*>& parts) {
  FlatBatch whole;
  whole.cu_seqlens = {0};
  std::vector<at::Tensor> ids;
  std::vector<at::Tensor> positions;
  std::vector<at::Tensor> sequences;
  for (const FlatBatch* part : parts) {
    const std::int64_t token = whole.tokens();
    const std::int64_t sequence = whole.sequences();
    ids.push_back(part->ids);
    positions.push_back(part->positions);
    sequences.push_back(part->seq_of_token + sequence);
    std::transform(part->cu_seqlens.begin() + 1, part->cu_seqlens.end(), std::back_inserter(whole.cu_seqlens),
                   [token](std::int64_t end) { return token + end; });
    whole.prompt_len.insert(whole.prompt_len.end(), part->prompt_len.begin(), part->prompt_len.end());
    for (const TokenRun& s : part->runs) {
      whole.runs.push_back({s.begin + token, s.end + token, s.position, s.sequence + sequence});
    }
  }
  whole.ids = at::cat(ids);
  whole.positions = at::cat(positions);
  whole.seq_of_token = at::cat(sequences);
  return whole;
}

FlatBatch FlatBatch::to(at::Device device) const {
  return {ids.to(device), positions.to(device), seq_of_token.to(device), cu_seqlens, prompt_len, runs};
}

std::vector<kernels::Segment> FlatBatch::segments() const {
  std::vector<kernels::Segment> segments;
  std::int64_t prompt = 0;
  for (const TokenRun& run : runs) {
    const bool answer = is_answer(*this, run);
    prompt = answer ? prompt : static_cast<std::int64_t>(segments.size());
    segments.push_back({run.begin, run.end, answer ? prompt : -1});
  }
  return segments;
}

BatchPart predicting_rows(const FlatBatch& batch) {
  BatchPart part;
  part.batch.prompt_len = batch.prompt_len;
  part.batch.cu_seqlens.assign(batch.prompt_len.size() + 1, 0);
  std::vector<std::int64_t> rows;
  for (const TokenRun& run : batch.runs) {
    const auto s = static_cast<std::size_t>(run.sequence);
    const std::int64_t prompt_end = batch.cu_seqlens[s] + batch.prompt_len[s];
    const auto first = static_cast<std::int64_t>(rows.size());
    for (std::int64_t row = std::max(run.begin, prompt_end); row < run.end; ++row) {
      rows.push_back(row == run.begin ? prompt_end - 1 : row - 1);
    }
    const auto last = static_cast<std::int64_t>(rows.size());
    if (last > first) {
      part.batch.runs.push_back({first, last, batch.prompt_len[s] - 1, run.sequence});
    }
    part.batch.cu_seqlens[s + 1] = last;
  }
  std::partial_sum(part.batch.cu_seqlens.begin(), part.batch.cu_seqlens.end(), part.batch.cu_seqlens.begin(),
                   [](std::int64_t before, std::int64_t end) { return std::max(before, end); });
  part.rows = at::tensor(rows, at::kLong).to(batch.ids.device());
  part.batch.ids = batch.ids.index_select(0, part.rows);
  part.batch.positions = batch.positions.index_select(0, part.rows);
  part.batch.seq_of_token = batch.seq_of_token.index_select(0, part.rows);
  return part;
}

}  // namespace routedk::model
