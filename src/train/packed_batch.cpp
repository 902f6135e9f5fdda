#include "routedk/train/packed_batch.h"

#include "routedk/core/error.h"

#include <algorithm>

namespace routedk::train {
namespace {

void check(std::uint64_t key, std::size_t prompt, std::size_t answer) {
  if (prompt == 0 || answer == 0) {
    throw_<DataError>(
        "training example {} must have at least 1 prompt and 1 answer token, but has {} and {} instead.", key,
        prompt, answer);
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
    check(example->key, example->prompt.size(), example->answer.size());
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

PackedBatch pack(const std::vector<model::PromptAnswers>& prompts, const std::vector<std::uint64_t>& keys) {
  std::vector<std::int64_t> targets;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    for (const std::vector<std::int32_t>& answer : prompts[i].answers) {
      check(keys[i], prompts[i].prompt.size(), answer.size());
      targets.insert(targets.end(), answer.begin(), answer.end());
    }
  }
  PackedBatch packed;
  packed.batch = model::FlatBatch::make(prompts);
  packed.predicting = model::predicting_rows(packed.batch);
  packed.targets = at::tensor(targets, at::kLong);
  packed.keys = keys;
  return packed;
}

PackedBatch joined(const std::vector<const PackedBatch*>& parts) {
  if (parts.size() == 1) {
    return *parts.front();
  }
  PackedBatch whole;
  std::vector<const model::FlatBatch*> batches;
  std::vector<const model::FlatBatch*> predicting;
  std::vector<at::Tensor> rows;
  std::vector<at::Tensor> targets;
  std::int64_t tokens = 0;
  for (const PackedBatch* part : parts) {
    batches.push_back(&part->batch);
    predicting.push_back(&part->predicting.batch);
    rows.push_back(part->predicting.rows + tokens);
    targets.push_back(part->targets);
    whole.keys.insert(whole.keys.end(), part->keys.begin(), part->keys.end());
    tokens += part->batch.tokens();
  }
  whole.batch = model::FlatBatch::joined(batches);
  whole.predicting = {at::cat(rows), model::FlatBatch::joined(predicting)};
  whole.targets = at::cat(targets);
  return whole;
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
