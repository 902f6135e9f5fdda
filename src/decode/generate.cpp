#include "routedk/decode/generate.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/decode/kv_cache.h"
#include "routedk/decode/sampling.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <ATen/core/grad_mode.h>

namespace routedk::decode {
namespace {

using experts::FrozenGate;
using experts::GateRows;
using model::FlatBatch;

/// A sample on its way.
struct Row {
  Candidate candidate;
  text::TokenAutomaton::State state = 0;
  text::TokenId last = 0;
  bool live = true;
  std::int64_t fed = 0;  ///< tokens in candidate.pooled, a sum until `collect`
};

class Generator {
 public:
  Generator(const experts::RoutedModel& model, std::span<const Prompt> prompts,
            const GenerateOptions& options)
      : model_(model),
        prompts_(prompts),
        options_(options),
        cache_(model.backbone().config(), options.samples, options.max_new_tokens) {}

  std::vector<Generation> run(const experts::Gate& gate) {
    start(gate);
    for (std::int64_t t = 0; !active_.empty() && t + 1 < options_.max_new_tokens; ++t) {
      advance(t);
    }
    return collect();
  }

 private:
  void start(const experts::Gate& gate);
  void advance(std::int64_t t);
  void draw(std::size_t prompt, std::int64_t sample, std::int64_t position, const at::Tensor& logits);
  void pool(const at::Tensor& hidden);
  void drop_finished();
  FlatBatch next_batch(std::int64_t t) const;
  std::vector<GateRows> sample_rows() const;
  std::vector<Generation> collect();
  Row& row(std::size_t prompt, std::int64_t sample) {
    return rows_[prompt * static_cast<std::size_t>(options_.samples) + static_cast<std::size_t>(sample)];
  }

  const experts::RoutedModel& model_;
  std::span<const Prompt> prompts_;
  const GenerateOptions& options_;
  SharedPrefixCache cache_;
  std::vector<GateRows> prompt_rows_;  // [L] of [S,K]
  std::vector<Row> rows_;              // [S*N]
  std::vector<std::int64_t> active_;   // prompts with a live sample, ascending
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

void Generator::start(const experts::Gate& gate) {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<std::int64_t> lengths;
  for (const Prompt& prompt : prompts_) {
    ids.push_back(prompt.ids);
    lengths.push_back(static_cast<std::int64_t>(prompt.ids.size()));
    active_.push_back(static_cast<std::int64_t>(active_.size()));
  }
  const FlatBatch batch = FlatBatch::make(ids, lengths);
  const auto attend = cache_.prefill(batch);
  const experts::RoutedOutput output = model_.forward({batch, gate, attend});
  prompt_rows_ = output.rows;
  const at::Tensor ends = at::tensor(batch.cu_seqlens).slice(0, 1) - 1;
  const at::Tensor logits = model_.backbone().logits(output.hidden.index_select(0, ends));  // [S,V]
  rows_.resize(prompts_.size() * static_cast<std::size_t>(options_.samples));
  for (std::size_t p = 0; p < prompts_.size(); ++p) {
    for (std::int64_t n = 0; n < options_.samples; ++n) {
      row(p, n).state = prompts_[p].automaton != nullptr ? prompts_[p].automaton->start() : 0;
      draw(p, n, 0, logits[static_cast<std::int64_t>(p)]);
    }
  }
  drop_finished();
}

/// Draws the token at suffix position `position` of one sample from logits [V].
void Generator::draw(std::size_t prompt, std::int64_t sample, std::int64_t position,
                     const at::Tensor& logits) {
  Row& r = row(prompt, sample);
  if (!r.live) {
    return;
  }
  const std::span<const float> values(logits.const_data_ptr<float>(),
                                      static_cast<std::size_t>(logits.numel()));
  const Random random(
      options_.seed, "sample",
      {prompts_[prompt].key, static_cast<std::uint64_t>(sample), static_cast<std::uint64_t>(position)});
  text::TokenAutomaton* automaton = prompts_[prompt].automaton;
  const Draw drawn = automaton != nullptr
                         ? draw_constrained(values, automaton->edges(r.state), options_.sampling, random)
                         : draw_free(values, options_.sampling, random);
  if (!std::isfinite(drawn.logprob)) {
    throw_<NumericError>("logits must be finite, but token {} of prompt {} has log-probability {} instead",
                         position, prompts_[prompt].key, drawn.logprob);
  }
  r.candidate.logprob += drawn.logprob;
  r.candidate.constrained_logprob += drawn.constrained_logprob;
  r.state = drawn.next;
  r.last = drawn.token;
  if (drawn.token == options_.end_of_turn) {
    r.candidate.finished = true;
    r.live = false;
  } else {
    r.candidate.ids.push_back(drawn.token);
  }
}

/// One token of every sample of the active prompts; finished samples ride along until their prompt is done.
FlatBatch Generator::next_batch(std::int64_t t) const {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<std::int64_t> positions;
  for (const std::int64_t p : active_) {
    const auto prompt = static_cast<std::size_t>(p);
    for (std::int64_t n = 0; n < options_.samples; ++n) {
      ids.push_back(
          {rows_[prompt * static_cast<std::size_t>(options_.samples) + static_cast<std::size_t>(n)].last});
      positions.push_back(static_cast<std::int64_t>(prompts_[prompt].ids.size()) + t);
    }
  }
  FlatBatch batch = FlatBatch::make(ids, std::vector<std::int64_t>(ids.size(), 1));
  batch.positions = at::tensor(positions);
  return batch;
}

/// The active prompts' rows, once per sample.
std::vector<GateRows> Generator::sample_rows() const {
  const at::Tensor active = at::tensor(active_);
  std::vector<GateRows> layers;
  for (const GateRows& rows : prompt_rows_) {
    GateRows repeated;
    repeated.alpha = rows.alpha.index_select(0, active).repeat_interleave(options_.samples, 0);
    for (std::size_t i = 0; !rows.owner.empty() && i < active_.size(); ++i) {
      repeated.owner.insert(repeated.owner.end(), static_cast<std::size_t>(options_.samples),
                            rows.owner[static_cast<std::size_t>(active_[i])]);
    }
    layers.push_back(std::move(repeated));
  }
  return layers;
}

void Generator::advance(std::int64_t t) {
  const FlatBatch batch = next_batch(t);
  const FrozenGate gate(sample_rows());
  const auto attend = cache_.step(t);
  const at::Tensor hidden = model_.forward({batch, gate, attend}).hidden;  // [rows,D]
  if (options_.pool_hidden) {
    pool(hidden);
  }
  const at::Tensor logits = model_.backbone().logits(hidden);  // [rows,V]
  std::int64_t index = 0;
  for (const std::int64_t p : active_) {
    for (std::int64_t n = 0; n < options_.samples; ++n) {
      draw(static_cast<std::size_t>(p), n, t + 1, logits[index++]);
    }
  }
  drop_finished();
}

/// Adds the hidden states [rows,D] of the tokens just fed to their samples' sums.
void Generator::pool(const at::Tensor& hidden) {
  const at::Tensor states = hidden.to(at::kFloat).contiguous();
  const auto* state = states.const_data_ptr<float>();
  for (const std::int64_t p : active_) {
    for (std::int64_t n = 0; n < options_.samples; ++n, state += states.size(1)) {
      Row& r = row(static_cast<std::size_t>(p), n);
      if (r.live) {
        r.candidate.pooled.resize(static_cast<std::size_t>(states.size(1)));
        std::transform(r.candidate.pooled.begin(), r.candidate.pooled.end(), state,
                       r.candidate.pooled.begin(), std::plus<>());
        ++r.fed;
      }
    }
  }
}

void Generator::drop_finished() {
  std::vector<std::int64_t> kept;
  std::vector<std::int64_t> still_active;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    bool live = false;
    for (std::int64_t n = 0; n < options_.samples; ++n) {
      live = live || row(static_cast<std::size_t>(active_[i]), n).live;
    }
    if (live) {
      kept.push_back(static_cast<std::int64_t>(i));
      still_active.push_back(active_[i]);
    }
  }
  if (kept.size() < active_.size() && !kept.empty()) {
    cache_.keep(kept);
  }
  active_ = std::move(still_active);
}

std::vector<Generation> Generator::collect() {
  std::vector<Generation> generations(prompts_.size());
  for (std::size_t p = 0; p < prompts_.size(); ++p) {
    for (std::int64_t n = 0; n < options_.samples; ++n) {
      Candidate& candidate = row(p, n).candidate;
      for (float& value : candidate.pooled) {
        value /= static_cast<float>(row(p, n).fed);
      }
      generations[p].candidates.push_back(std::move(candidate));
    }
    std::vector<at::Tensor> alpha;
    for (const GateRows& rows : prompt_rows_) {
      alpha.push_back(rows.alpha[static_cast<std::int64_t>(p)]);
    }
    generations[p].alpha = at::stack(alpha, 0);  // [L,K]
  }
  return generations;
}

}  // namespace

std::vector<Generation> generate(const experts::RoutedModel& model, const experts::Gate& gate,
                                 std::span<const Prompt> prompts, const GenerateOptions& options) {
  const at::NoGradGuard no_grad;
  check_lengths(prompts, options, model.backbone().config().context);
  return prompts.empty() ? std::vector<Generation>{} : Generator(model, prompts, options).run(gate);
}

}  // namespace routedk::decode
