#include "routedk/decode/generate.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/decode/kv_cache.h"
#include "routedk/decode/sampling.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

namespace routedk::decode {
namespace {

using experts::FrozenGate;
using experts::GateRows;
using model::FlatBatch;

/// Samples of a prompt that have written the same tokens so far.
struct Branch {
  std::size_t prompt = 0;
  std::vector<std::int64_t> samples;
  Candidate candidate;
  text::TokenAutomaton::State state = 0;
  std::int64_t slot = 0;             ///< its own tokens' place in the cache
  std::int64_t kept = 0;             ///< own tokens in the cache
  std::vector<text::TokenId> chunk;  ///< drawn or forced, not yet fed
  bool ends = false;                 ///< the chunk is followed by a forced end of turn
};

class Generator {
 public:
  Generator(const Decoder& decoder, std::span<const Prompt> prompts, const GenerateOptions& options)
      : decoder_(decoder),
        prompts_(prompts),
        options_(options),
        cache_(decoder.model().backbone().config(), lengths(prompts)),
        results_(prompts.size()) {
    for (Generation& result : results_) {
      result.candidates.resize(static_cast<std::size_t>(options.samples));
    }
  }

  std::vector<Generation> run(const experts::Gate& gate) {
    start(gate);
    while (!branches_.empty()) {
      advance();
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

  void start(const experts::Gate& gate);
  void advance();
  /// Logits of the token after each of the rows; also what their log-sum-exps are.
  struct Outlook {
    at::Tensor logits;  // [rows,V]
    std::vector<double> log_sums;
    std::span<const float> row(std::size_t i) const {
      return {logits.const_data_ptr<float>() + static_cast<std::int64_t>(i) * logits.size(1),
              static_cast<std::size_t>(logits.size(1))};
    }
  };
  Outlook look_ahead(const at::Tensor& hidden) const;
  std::vector<Draw> draw(std::span<const Branch> branches, std::span<const std::size_t> rows,
                         const Outlook& outlook) const;
  void split(const Branch& branch, std::span<const Draw> draws);
  void part(const std::vector<Branch>& branches, std::span<const std::size_t> rows, const Outlook& outlook);
  void append(Branch& branch, const Draw& draw);
  void force(Branch& branch);
  void tell(const Branch& branch, text::TokenId token) const;
  void count_forced(Branch& branch, const Outlook& outlook, std::size_t first_row) const;
  void pool(Branch& branch, const float* hidden) const;
  void place(Branch&& branch);
  void finish(const Branch& branch);
  bool full(const Branch& branch) const {
    return static_cast<std::int64_t>(branch.candidate.ids.size()) >= options_.max_new_tokens;
  }
  std::int64_t free_slot();
  void retire_prompts();
  const FrozenGate& gate_of_active();

  const Decoder& decoder_;
  std::span<const Prompt> prompts_;
  const GenerateOptions& options_;
  KvCache cache_;
  std::vector<Generation> results_;
  std::vector<GateRows> prompt_rows_;  // [L] of [S,K]
  std::vector<Branch> branches_;       // by prompt
  std::vector<Branch> next_;           // branches of the next step
  std::vector<std::int64_t> free_slots_;
  std::int64_t slots_ = 0;
  std::vector<std::int64_t> active_;  // prompts with branches, ascending
  std::unique_ptr<FrozenGate> active_gate_;
};

void check_lengths(std::span<const Prompt> prompts, const GenerateOptions& options, std::int64_t context) {
  for (const Prompt& prompt : prompts) {
    const auto length = static_cast<std::int64_t>(prompt.ids.size());
    if (length < 1 || options.max_new_tokens > context - length) {
      throw_<ConfigError>("prompt and answer must fit into the context of {} tokens, but are {} + {} instead",
                          context, length, options.max_new_tokens);
    }
  }
}

Generator::Outlook Generator::look_ahead(const at::Tensor& hidden) const {
  Outlook outlook{decoder_.logits(hidden), {}};
  outlook.log_sums.resize(static_cast<std::size_t>(hidden.size(0)));
  at::parallel_for(0, hidden.size(0), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      outlook.log_sums[i] = log_sum_exp(outlook.row(i));
    }
  });
  return outlook;
}

void Generator::start(const experts::Gate& gate) {
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
  const experts::RoutedOutput output = decoder_.forward(batch, gate, rows, cache_);
  prompt_rows_ = output.rows;
  for (std::size_t p = 0; p < prompts_.size(); ++p) {
    std::vector<at::Tensor> alpha;
    for (const GateRows& layer : prompt_rows_) {
      alpha.push_back(layer.alpha[static_cast<std::int64_t>(p)]);
    }
    results_[p].alpha = at::stack(alpha, 0);  // [L,K]
  }
  const at::Tensor ends = at::tensor(batch.cu_seqlens).slice(0, 1) - 1;
  const Outlook outlook = look_ahead(output.hidden.index_select(0, ends));
  std::vector<Branch> roots;
  std::vector<std::size_t> predicting;
  for (std::size_t p = 0; p < prompts_.size(); ++p) {
    Branch root;
    root.prompt = p;
    root.slot = free_slot();
    root.state = prompts_[p].automaton != nullptr ? prompts_[p].automaton->start() : 0;
    for (std::int64_t n = 0; n < options_.samples; ++n) {
      root.samples.push_back(n);
    }
    roots.push_back(std::move(root));
    predicting.push_back(p);
  }
  part(roots, predicting, outlook);
}

/// The next token of each sample of the branches, each from its row; branch by branch.
std::vector<Draw> Generator::draw(std::span<const Branch> branches, std::span<const std::size_t> rows,
                                  const Outlook& outlook) const {
  struct Place {
    const Branch* branch;
    std::size_t row;
    std::int64_t sample;
  };
  std::vector<Place> places;
  bool free = true;  // automata grow while they are asked: by one thread
  for (std::size_t b = 0; b < branches.size(); ++b) {
    free = free && prompts_[branches[b].prompt].automaton == nullptr;
    for (const std::int64_t sample : branches[b].samples) {
      places.push_back({&branches[b], rows[b], sample});
    }
  }
  std::vector<Draw> draws(places.size());
  const auto some = [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      const auto& [branch, row, sample] = places[i];
      const Prompt& prompt = prompts_[branch->prompt];
      const Random random(options_.seed, "sample",
                          {prompt.key, static_cast<std::uint64_t>(sample),
                           static_cast<std::uint64_t>(branch->candidate.ids.size())});
      draws[i] = prompt.automaton != nullptr
                     ? draw_constrained(outlook.row(row), outlook.log_sums[row],
                                        prompt.automaton->edges(branch->state), options_.sampling, random)
                     : draw_free(outlook.row(row), outlook.log_sums[row], options_.sampling, random);
    }
  };
  const auto count = static_cast<std::int64_t>(places.size());
  if (free) {
    at::parallel_for(0, count, 1, some);
  } else {
    some(0, count);
  }
  return draws;
}

/// Samples that drew the same token stay together, on a branch of their own.
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
    if (--left > 0) {  // the last one takes the place of the branch itself
      child.slot = free_slot();
      cache_.copy(branch.slot, child.slot, branch.kept);
    }
    append(child, entry.first);
    place(std::move(child));
  }
}

/// Every branch that goes on draws from its row of the outlook; then the next step's branches are known.
void Generator::part(const std::vector<Branch>& branches, std::span<const std::size_t> rows,
                     const Outlook& outlook) {
  const std::vector<Draw> draws = draw(branches, rows, outlook);
  std::size_t begin = 0;
  for (const Branch& branch : branches) {
    split(branch, std::span(draws).subspan(begin, branch.samples.size()));
    begin += branch.samples.size();
  }
  branches_ = std::move(next_);
  next_.clear();
  retire_prompts();
}

void Generator::append(Branch& branch, const Draw& draw) {
  if (!std::isfinite(draw.logprob)) {
    throw_<NumericError>("logits must be finite, but token {} of prompt {} has log-probability {} instead",
                         branch.candidate.ids.size(), prompts_[branch.prompt].key, draw.logprob);
  }
  branch.candidate.logprob += draw.logprob;
  branch.candidate.constrained_logprob += draw.constrained_logprob;
  branch.state = draw.next;
  branch.chunk.clear();
  branch.ends = false;
  tell(branch, draw.token);
  if (draw.token == options_.end_of_turn) {
    branch.candidate.finished = true;
    return;
  }
  branch.candidate.ids.push_back(draw.token);
  branch.chunk.push_back(draw.token);
  force(branch);
}

void Generator::tell(const Branch& branch, text::TokenId token) const {
  for (const std::int64_t sample : branch.samples) {
    if (options_.on_token) {
      options_.on_token(branch.prompt, sample, token);
    }
  }
}

/// Tokens without an alternative join the chunk.
void Generator::force(Branch& branch) {
  text::TokenAutomaton* automaton = prompts_[branch.prompt].automaton;
  while (automaton != nullptr && !full(branch)) {
    const auto edges = automaton->edges(branch.state);
    if (edges.size() != 1) {
      return;
    }
    branch.state = edges[0].next;
    tell(branch, edges[0].token);
    if (edges[0].token == options_.end_of_turn) {
      branch.ends = true;
      return;
    }
    branch.candidate.ids.push_back(edges[0].token);
    branch.chunk.push_back(edges[0].token);
  }
}

/// To the next step, or among the finished: a drawn end of turn, or no room and nothing forced to be counted.
void Generator::place(Branch&& branch) {
  if (branch.candidate.finished || (full(branch) && branch.chunk.size() == 1 && !branch.ends)) {
    finish(branch);
  } else {
    next_.push_back(std::move(branch));
  }
}

void Generator::count_forced(Branch& branch, const Outlook& outlook, std::size_t first_row) const {
  const auto count = [&](std::size_t row, text::TokenId token) {
    branch.candidate.logprob +=
        static_cast<double>(outlook.row(row)[static_cast<std::size_t>(token)]) - outlook.log_sums[row];
  };
  for (std::size_t i = 1; i < branch.chunk.size(); ++i) {
    count(first_row + i - 1, branch.chunk[i]);
  }
  if (branch.ends) {
    count(first_row + branch.chunk.size() - 1, options_.end_of_turn);
    branch.candidate.finished = true;
  }
}

/// Tokens of a candidate whose hidden states count.
std::size_t pooled_tokens(const Candidate& candidate) {
  return candidate.finished ? candidate.ids.size() : candidate.ids.size() - 1;
}

/// Adds the chunk's hidden states [chunk,D] to the candidate's sum.
void Generator::pool(Branch& branch, const float* hidden) const {
  const auto width = static_cast<std::size_t>(decoder_.model().backbone().config().hidden);
  const bool cut = full(branch) && !branch.candidate.finished;
  const std::size_t count = cut ? branch.chunk.size() - 1 : branch.chunk.size();
  branch.candidate.pooled.resize(width, 0.0F);
  for (std::size_t i = 0; i < count * width; ++i) {
    branch.candidate.pooled[i % width] += hidden[i];
  }
}

/// One step: every branch's chunk goes through the model.
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
  cache_.reserve(slots_, longest);
  FlatBatch batch = FlatBatch::make(ids, std::vector<std::int64_t>(ids.size(), 1));
  batch.positions = at::tensor(positions);
  const at::Tensor hidden = decoder_.forward(batch, gate_of_active(), rows, cache_).hidden;  // [rows,D]
  const Outlook outlook = look_ahead(hidden);
  const at::Tensor floats = options_.pool_hidden ? hidden.to(at::kFloat).contiguous() : at::Tensor();
  std::vector<Branch> going_on;
  std::vector<std::size_t> predicting;
  std::size_t row = 0;
  for (Branch& branch : branches_) {
    const std::size_t fed = branch.chunk.size();
    count_forced(branch, outlook, row);
    if (options_.pool_hidden) {
      pool(branch, floats.const_data_ptr<float>() + static_cast<std::int64_t>(row) * floats.size(1));
    }
    branch.kept += static_cast<std::int64_t>(fed);
    row += fed;
    if (branch.candidate.finished || full(branch)) {
      finish(branch);
    } else {
      going_on.push_back(std::move(branch));
      predicting.push_back(row - 1);
    }
  }
  part(going_on, predicting, outlook);
}

void Generator::finish(const Branch& branch) {
  Candidate done = branch.candidate;
  if (!std::isfinite(done.logprob)) {
    throw_<NumericError>("logits must be finite, but an answer to prompt {} has log-probability {} instead",
                         prompts_[branch.prompt].key, done.logprob);
  }
  for (float& sum : done.pooled) {
    sum /= static_cast<float>(std::max<std::size_t>(pooled_tokens(done), 1));
  }
  for (const std::int64_t sample : branch.samples) {
    results_[branch.prompt].candidates[static_cast<std::size_t>(sample)] = done;
  }
  free_slots_.push_back(branch.slot);
}

std::int64_t Generator::free_slot() {
  if (free_slots_.empty()) {
    const std::int64_t most = static_cast<std::int64_t>(prompts_.size()) * options_.samples;
    cache_.reserve(
        std::min(most, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(slots_ + 1)))), 1);
    return slots_++;
  }
  const std::int64_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

/// Gives back the memory of prompts whose samples are all done.
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
      cache_.drop_prompt(prompt);
    }
  }
  active_ = std::move(still);
  active_gate_.reset();
}

/// The active prompts' rows.
const FrozenGate& Generator::gate_of_active() {
  if (active_gate_ == nullptr) {
    const at::Tensor active = at::tensor(active_);
    std::vector<GateRows> layers;
    for (const GateRows& rows : prompt_rows_) {
      GateRows kept{rows.alpha.index_select(0, active), {}};
      for (std::size_t i = 0; !rows.owner.empty() && i < active_.size(); ++i) {
        kept.owner.push_back(rows.owner[static_cast<std::size_t>(active_[i])]);
      }
      layers.push_back(std::move(kept));
    }
    active_gate_ = std::make_unique<FrozenGate>(std::move(layers));
  }
  return *active_gate_;
}

}  // namespace

std::vector<Generation> Decoder::generate(const experts::Gate& gate, std::span<const Prompt> prompts,
                                          const GenerateOptions& options) const {
  const at::NoGradGuard no_grad;
  check_lengths(prompts, options, model_.backbone().config().context);
  return prompts.empty() ? std::vector<Generation>{} : Generator(*this, prompts, options).run(gate);
}

std::vector<Generation> generate(const experts::RoutedModel& model, const experts::Gate& gate,
                                 std::span<const Prompt> prompts, const GenerateOptions& options) {
  return Decoder(model, Kernels::kReference).generate(gate, prompts, options);
}

}  // namespace routedk::decode
