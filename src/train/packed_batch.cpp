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

void AllowedIds::add(const std::vector<std::int32_t>& of_row) {
  if (offsets.empty()) {
    offsets.push_back(0);
  }
  ids.insert(ids.end(), of_row.begin(), of_row.end());
  offsets.push_back(static_cast<std::int64_t>(ids.size()));
}

void AllowedIds::append(const AllowedIds& other, std::int64_t rows) {
  const auto before = static_cast<std::int64_t>(ids.size());
  offsets.resize(static_cast<std::size_t>(rows) + 1, before);
  for (std::size_t row = 1; row < other.offsets.size(); ++row) {
    offsets.push_back(before + other.offsets[row]);
  }
  ids.insert(ids.end(), other.ids.begin(), other.ids.end());
}

at::Tensor AllowedIds::forbidden(std::int64_t first, std::int64_t count, std::int64_t vocab,
                                 at::Device device) const {
  std::vector<std::int64_t> restricted;  // rows
  std::vector<std::int64_t> row_of_id;
  const auto offset = [&](std::int64_t row) {
    return row < static_cast<std::int64_t>(offsets.size()) ? offsets[static_cast<std::size_t>(row)]
                                                           : static_cast<std::int64_t>(ids.size());
  };
  for (std::int64_t row = 0; row < count; ++row) {
    const std::int64_t of_row = offset(first + row + 1) - offset(first + row);
    if (of_row > 0) {
      restricted.push_back(row);
      row_of_id.insert(row_of_id.end(), static_cast<std::size_t>(of_row), row);
    }
  }
  if (restricted.empty()) {
    return {};
  }
  const std::vector<std::int64_t> id_of_row(ids.begin() + offset(first), ids.begin() + offset(first + count));
  at::Tensor mask = at::zeros({count, vocab}, at::TensorOptions(device).dtype(at::kBool));
  mask.index_fill_(0, at::tensor(restricted).to(device), true);
  mask.index_put_({at::tensor(row_of_id).to(device), at::tensor(id_of_row).to(device)},
                  at::zeros({}, mask.options()));
  return mask;
}

PackedBatch PackedBatch::to(at::Device device) const {
  return {batch.to(device),
          {predicting.rows.to(device), predicting.batch.to(device)},
          targets.to(device),
          keys,
          weights.defined() ? weights.to(device) : weights,
          allowed};
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
  std::vector<at::Tensor> weights;
  std::int64_t tokens = 0;
  std::int64_t answer_tokens = 0;
  for (const PackedBatch* part : parts) {
    batches.push_back(&part->batch);
    predicting.push_back(&part->predicting.batch);
    rows.push_back(part->predicting.rows + tokens);
    targets.push_back(part->targets);
    if (part->weights.defined()) {
      weights.push_back(part->weights);
    }
    if (!part->allowed.ids.empty()) {
      whole.allowed.append(part->allowed, answer_tokens);
    }
    answer_tokens += part->answer_tokens();
    whole.keys.insert(whole.keys.end(), part->keys.begin(), part->keys.end());
    tokens += part->batch.tokens();
  }
  whole.batch = model::FlatBatch::joined(batches);
  whole.predicting = {at::cat(rows), model::FlatBatch::joined(predicting)};
  whole.targets = at::cat(targets);
  whole.weights = weights.empty() ? at::Tensor() : at::cat(weights);
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
