#include "routedk/core/error.h"
#include "routedk/decode/decoder.h"
#include "routedk/kernels/values.h"

#include <algorithm>
#include <bit>
#include <map>

#include "branch.h"
#include "member_passes.h"
#include "step_threads.h"
#include <ATen/core/grad_mode.h>

namespace routedk::decode {
namespace {

using kernels::CacheRow;
using model::FlatBatch;

class Generator {
 public:
  Generator(const Decoder& decoder, const experts::Gate& gate, std::span<const Prompt> prompts,
            const GenerateOptions& options)
      : prompts_(prompts),
        options_(options),
        writer_(prompts, options, decoder.model().backbone().config().context),
        passes_(decoder, gate, lengths(prompts)),
        any_threads_(decoder.any_threads()),
        results_(prompts.size()) {
    for (Generation& result : results_) {
      result.candidates.resize(static_cast<std::size_t>(options.samples));
    }
  }

  std::vector<Generation> run() {
    start();
    while (!branches_.empty()) {
      if (any_threads_) {
        with_step_threads([this] { advance(); });
      } else {
        advance();
      }
    }
    return std::move(results_);
  }

 private:
  static std::vector<std::int64_t> lengths(std::span<const Prompt> prompts) {
    std::vector<std::int64_t> all;
    std::transform(prompts.begin(), prompts.end(), std::back_inserter(all),
                   [](const Prompt& p) { return static_cast<std::int64_t>(p.ids.size()); });
    return all;
  }

  void start();
  void advance();
  void split(const Branch& branch, std::span<const Draw> draws);
  void fork(const std::vector<Branch>& branches, std::span<const std::size_t> rows,
            const NextTokenLogits& next);
  void place(Branch&& branch);
  void finish(const Branch& branch);
  std::int64_t free_slot();
  void retire_prompts();

  std::span<const Prompt> prompts_;
  const GenerateOptions& options_;
  BranchWriter writer_;
  MemberPasses passes_;
  bool any_threads_;
  std::vector<Generation> results_;
  std::vector<Branch> branches_;  // by prompt
  std::vector<Branch> next_;      // branches of the next step
  std::vector<std::int64_t> free_slots_;
  std::int64_t slots_ = 0;
  std::vector<std::int64_t> active_;  // prompts with branches, ascending
};

void check_lengths(std::span<const Prompt> prompts, std::int64_t context) {
  for (const Prompt& prompt : prompts) {
    const auto length = static_cast<std::int64_t>(prompt.ids.size());
    if (length < 1 || length >= context) {
      throw_<ConfigError>(
          "a prompt must leave room for an answer in the model's context of {} tokens, but has {}", context,
          length);
    }
  }
}

void Generator::start() {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<CacheRow> rows;
  for (std::size_t p = 0; p < prompts_.size(); ++p) {
    ids.push_back(prompts_[p].ids);
    active_.push_back(static_cast<std::int64_t>(p));
    for (std::size_t t = 0; t < prompts_[p].ids.size(); ++t) {
      rows.push_back({static_cast<std::int64_t>(p), CacheRow::kPrompt, static_cast<std::int64_t>(t)});
    }
  }
  const FlatBatch batch = FlatBatch::make(ids, lengths(prompts_));
  const NextTokenLogits next(passes_.prompts(batch, rows).logits);
  std::vector<Branch> roots;
  std::vector<std::size_t> predicting;
  for (std::size_t p = 0; p < prompts_.size(); ++p) {
    results_[p].alpha = passes_.alpha(static_cast<std::int64_t>(p));
    Branch root = writer_.root(p);
    root.slot = free_slot();
    roots.push_back(std::move(root));
    predicting.push_back(p);
  }
  fork(roots, predicting, next);
}

/// Samples that drew the same token stay together in a branch of their own.
void Generator::split(const Branch& branch, std::span<const Draw> draws) {
  std::map<text::TokenId, std::pair<Draw, std::vector<std::int64_t>>> drawn;
  for (std::size_t i = 0; i < draws.size(); ++i) {
    auto& [draw, samples] = drawn[draws[i].token];
    draw = draws[i];
    samples.push_back(branch.samples[i]);
  }
  std::size_t left = drawn.size();
  for (auto& [token, entry] : drawn) {
    Branch child = branch;
    child.samples = std::move(entry.second);
    if (--left > 0) {  // the last one reuses the branch itself
      child.slot = free_slot();
      passes_.copy(branch.slot, child.slot, branch.kept);
    }
    writer_.append(child, entry.first);
    place(std::move(child));
  }
}

/// Every branch that continues draws from its row of next-token logits; this determines the next step's
/// branches.
void Generator::fork(const std::vector<Branch>& branches, std::span<const std::size_t> rows,
                     const NextTokenLogits& next) {
  const std::vector<Draw> draws = writer_.draw(branches, rows, next);
  std::size_t begin = 0;
  for (const Branch& branch : branches) {
    split(branch, std::span(draws).subspan(begin, branch.samples.size()));
    begin += branch.samples.size();
  }
  branches_ = std::move(next_);
  next_.clear();
  retire_prompts();
}

/// Moves a branch to the next step or to the finished ones: those with a drawn end of turn, or without room
/// and without forced tokens to be counted.
void Generator::place(Branch&& branch) {
  if (branch.candidate.finished || (writer_.full(branch) && branch.chunk.size() == 1 && !branch.ends)) {
    finish(branch);
  } else {
    next_.push_back(std::move(branch));
  }
}

/// One step: runs every branch's chunk through the model.
void Generator::advance() {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<std::int64_t> positions;
  std::vector<CacheRow> rows;
  std::int64_t longest = 0;
  for (const Branch& branch : branches_) {
    if (rows.empty() || rows.back().prompt != static_cast<std::int64_t>(branch.prompt)) {
      ids.emplace_back();
    }
    for (std::size_t i = 0; i < branch.chunk.size(); ++i) {
      const std::int64_t position = branch.kept + static_cast<std::int64_t>(i);
      ids.back().push_back(branch.chunk[i]);
      positions.push_back(static_cast<std::int64_t>(prompts_[branch.prompt].ids.size()) + position);
      rows.push_back({static_cast<std::int64_t>(branch.prompt), branch.slot, position});
      longest = std::max(longest, position + 1);
    }
  }
  passes_.reserve(slots_, longest);
  FlatBatch batch = FlatBatch::make(ids, std::vector<std::int64_t>(ids.size(), 1));
  batch.positions = at::tensor(positions);
  const auto [hidden, logits] = passes_.step(batch, rows, active_);  // [rows,D], [rows,V]
  const NextTokenLogits next(logits);
  const at::Tensor floats =
      options_.pool_hidden ? hidden.to(at::kCPU, at::kFloat).contiguous() : at::Tensor();
  writer_.count_forced(branches_, next);
  std::vector<Branch> going_on;
  std::vector<std::size_t> predicting;
  std::size_t row = 0;
  for (Branch& branch : branches_) {
    const std::size_t fed = branch.chunk.size();
    if (options_.pool_hidden) {
      const auto width = static_cast<std::size_t>(floats.size(1));
      writer_.pool(branch, kernels::values<float>(floats).subspan(row * width, fed * width), width);
    }
    branch.kept += static_cast<std::int64_t>(fed);
    row += fed;
    if (branch.candidate.finished || writer_.full(branch)) {
      finish(branch);
    } else {
      going_on.push_back(std::move(branch));
      predicting.push_back(row - 1);
    }
  }
  fork(going_on, predicting, next);
}

void Generator::finish(const Branch& branch) {
  const Candidate done = writer_.written(branch);
  for (const std::int64_t sample : branch.samples) {
    results_[branch.prompt].candidates[static_cast<std::size_t>(sample - options_.first_sample)] = done;
  }
  free_slots_.push_back(branch.slot);
}

std::int64_t Generator::free_slot() {
  if (free_slots_.empty()) {
    const std::int64_t most = static_cast<std::int64_t>(prompts_.size()) * options_.samples;
    passes_.reserve(
        std::min(most, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(slots_ + 1)))), 1);
    return slots_++;
  }
  const std::int64_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

/// Frees the memory of prompts whose samples are all finished.
void Generator::retire_prompts() {
  std::vector<std::int64_t> still;
  for (const Branch& branch : branches_) {
    const auto prompt = static_cast<std::int64_t>(branch.prompt);
    if (still.empty() || still.back() != prompt) {
      still.push_back(prompt);
    }
  }
  if (still.size() == active_.size()) {
    return;
  }
  for (const std::int64_t prompt : active_) {
    if (!std::binary_search(still.begin(), still.end(), prompt)) {
      passes_.drop_prompt(prompt);
    }
  }
  active_ = std::move(still);
}

}  // namespace

std::vector<Generation> Decoder::generate(const experts::Gate& gate, std::span<const Prompt> prompts,
                                          const GenerateOptions& options) const {
  const at::NoGradGuard no_grad;
  check_lengths(prompts, model_.backbone().config().context);
  return prompts.empty() ? std::vector<Generation>{} : Generator(*this, gate, prompts, options).run();
}

std::vector<Generation> generate(const experts::RoutedModel& model, const experts::Gate& gate,
                                 std::span<const Prompt> prompts, const GenerateOptions& options) {
  return Decoder(model, Kernels::kReference).generate(gate, prompts, options);
}

}  // namespace routedk::decode
