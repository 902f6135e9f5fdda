#include "routedk/train/packed_batch.h"

#include "routedk/core/error.h"

#include <algorithm>

namespace routedk::train {
namespace {

void check(const Example& example) {
  if (example.prompt.empty() || example.answer.empty()) {
    throw_<DataError>(
        "training example {} must have at least 1 prompt and 1 answer token, but has {} and {} instead.",
        example.key, example.prompt.size(), example.answer.size());
  }
}

std::vector<std::int32_t> joined(const Example& example) {
  std::vector<std::int32_t> ids = example.prompt;
  ids.insert(ids.end(), example.answer.begin(), example.answer.end());
  return ids;
}

}  // namespace

PackedBatch PackedBatch::to(at::Device device) const {
  return {
      batch.to(device), {predicting.rows.to(device), predicting.batch.to(device)}, targets.to(device), keys};
}

PackedBatch pack(const std::vector<const Example*>& examples) {
  PackedBatch packed;
  std::vector<std::vector<std::int32_t>> sequences;
  std::vector<std::int64_t> prompt_len;
  std::vector<std::int64_t> targets;
  for (const Example* example : examples) {
    check(*example);
    targets.insert(targets.end(), example->answer.begin(), example->answer.end());
    sequences.push_back(joined(*example));
    prompt_len.push_back(static_cast<std::int64_t>(example->prompt.size()));
    packed.keys.push_back(example->key);
  }
  packed.batch = model::FlatBatch::make(sequences, prompt_len);
  packed.predicting = model::predicting_rows(packed.batch);
  packed.targets = at::tensor(targets, at::kLong);
  return packed;
}

std::vector<PackedBatch> pack_all(std::vector<const Example*> examples, std::int64_t max_tokens,
                                  at::Device device) {
  std::stable_sort(examples.begin(), examples.end(),
                   [](const Example* a, const Example* b) { return a->tokens() < b->tokens(); });
  std::vector<PackedBatch> batches;
  std::vector<const Example*> open;
  std::int64_t tokens = 0;
  for (const Example* example : examples) {
    if (!open.empty() && tokens + example->tokens() > max_tokens) {
      batches.push_back(pack(open).to(device));
      open.clear();
      tokens = 0;
    }
    open.push_back(example);
    tokens += example->tokens();
  }
  if (!open.empty()) {
    batches.push_back(pack(open).to(device));
  }
  return batches;
}

}  // namespace routedk::train
