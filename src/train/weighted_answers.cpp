#include "weighted_answers.h"

#include <utility>

namespace routedk::train {
namespace {

/// The micro-batch being filled, and the full ones.
class AnswerPacker {
 public:
  AnswerPacker(std::int64_t max_tokens, at::Device device) : max_tokens_(max_tokens), device_(device) {}

  void add(const WeightedAnswer& answer) {
    const auto length = static_cast<std::int64_t>(answer.ids->size());
    const auto prompt = static_cast<std::int64_t>(answer.prompt->prompt.size());
    bool known = answer.prompt == last_;
    if (!prompts_.empty() && tokens_ + length + (known ? 0 : prompt) > max_tokens_) {
      close();
      known = false;
    }
    if (!known) {
      prompts_.push_back({answer.prompt->prompt, {}});
      keys_.push_back(answer.prompt->key);
      last_ = answer.prompt;
      tokens_ += prompt;
    }
    prompts_.back().answers.push_back(*answer.ids);
    tokens_ += length;
    for (std::int64_t i = 0; i < length; ++i) {
      static const std::vector<std::int32_t> kAll;
      allowed_.add(answer.allowed->empty() ? kAll : (*answer.allowed)[static_cast<std::size_t>(i)]);
      weights_.push_back(static_cast<float>(answer.weight));
    }
  }

  std::vector<PackedBatch> finish() {
    if (!prompts_.empty()) {
      close();
    }
    return std::move(full_);
  }

 private:
  void close() {
    PackedBatch batch = pack(prompts_, keys_);
    batch.weights = at::tensor(weights_);
    batch.allowed = std::exchange(allowed_, {});
    full_.push_back(batch.to(device_));
    prompts_.clear();
    keys_.clear();
    weights_.clear();
    last_ = nullptr;
    tokens_ = 0;
  }

  std::int64_t max_tokens_;
  at::Device device_;
  std::vector<PackedBatch> full_;
  std::vector<model::PromptAnswers> prompts_;
  std::vector<std::uint64_t> keys_;
  std::vector<float> weights_;
  AllowedIds allowed_;
  const Example* last_ = nullptr;
  std::int64_t tokens_ = 0;
};

}  // namespace

std::vector<PackedBatch> pack_weighted(const std::vector<WeightedAnswer>& answers, std::int64_t max_tokens,
                                       at::Device device) {
  AnswerPacker packer(max_tokens, device);
  for (const WeightedAnswer& answer : answers) {
    packer.add(answer);
  }
  return packer.finish();
}

}  // namespace routedk::train
