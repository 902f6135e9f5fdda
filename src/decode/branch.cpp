#include "branch.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace routedk::decode {
namespace {

/// The number of a candidate's tokens whose hidden states count.
std::size_t pooled_tokens(const Candidate& candidate) {
  return candidate.finished ? candidate.ids.size() : candidate.ids.size() - 1;
}

}  // namespace

Branch BranchWriter::root(std::size_t prompt) const {
  Branch root;
  root.prompt = prompt;
  root.state = prompts_[prompt].automaton != nullptr ? prompts_[prompt].automaton->start() : 0;
  root.samples.resize(static_cast<std::size_t>(options_.samples));
  std::iota(root.samples.begin(), root.samples.end(), options_.first_sample);
  return root;
}

std::vector<Draw> BranchWriter::draw(std::span<const Branch> branches, std::span<const std::size_t> rows,
                                     const NextTokenLogits& next) const {
  std::vector<Place> free;
  std::vector<Place> constrained;
  std::vector<bool> is_free;  // for each draw
  for (std::size_t b = 0; b < branches.size(); ++b) {
    const bool unbound = prompts_[branches[b].prompt].automaton == nullptr;
    for (const std::int64_t sample : branches[b].samples) {
      (unbound ? free : constrained).push_back({&branches[b], rows[b], sample});
      is_free.push_back(unbound);
    }
  }
  const std::vector<Draw> drawn_freely = draw_free(free, next);
  const std::vector<Draw> drawn_constrained = draw_constrained(constrained, next);
  std::vector<Draw> draws;
  for (std::size_t f = 0, c = 0; draws.size() < is_free.size();) {
    draws.push_back(is_free[draws.size()] ? drawn_freely[f++] : drawn_constrained[c++]);
  }
  return draws;
}

Random BranchWriter::random_of(const Place& place) const {
  return {options_.seed,
          "sample",
          {prompts_[place.branch->prompt].key, static_cast<std::uint64_t>(place.sample),
           static_cast<std::uint64_t>(place.branch->candidate.ids.size())}};
}

std::vector<Draw> BranchWriter::draw_free(std::span<const Place> places, const NextTokenLogits& next) const {
  std::vector<kernels::RowDraw> wanted;
  for (const Place& place : places) {
    wanted.push_back({static_cast<std::int64_t>(place.row), random_of(place).uniform()});
  }
  const std::vector<kernels::Drawn> drawn = kernels::draw_rows(next.logits(), wanted, options_.sampling);
  std::vector<Draw> draws;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const double logprob = drawn[i].value - drawn[i].log_sum;
    draws.push_back({static_cast<text::TokenId>(drawn[i].column), 0, logprob, logprob});
  }
  return draws;
}

/// Reads the logits that the automata allow, for all places at once.
std::vector<Draw> BranchWriter::draw_constrained(std::span<const Place> places,
                                                 const NextTokenLogits& next) const {
  const auto edges_of = [&](const Place& place) {
    return prompts_[place.branch->prompt].automaton->edges(place.branch->state);
  };
  std::vector<kernels::LogitPlace> wanted;
  std::vector<std::size_t> first;  // for each place
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (i > 0 && places[i].branch == places[i - 1].branch) {
      first.push_back(first.back());
      continue;
    }
    first.push_back(wanted.size());
    for (const auto& edge : edges_of(places[i])) {
      require_token(edge.token, next.logits().size(1));
      wanted.push_back({static_cast<std::int64_t>(places[i].row), edge.token});
    }
  }
  const std::vector<float> values = kernels::logits_at(next.logits(), wanted);
  std::vector<Draw> draws;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto edges = edges_of(places[i]);
    draws.push_back(draw_allowed(std::span(values).subspan(first[i], edges.size()),
                                 next.log_sum(places[i].row), edges, options_.sampling,
                                 random_of(places[i])));
  }
  return draws;
}

void BranchWriter::append(Branch& branch, const Draw& draw) const {
  if (!std::isfinite(draw.logprob)) {
    throw_<NumericError>("logits must be finite, but token {} of prompt {} has log-probability {} instead",
                         branch.candidate.ids.size(), prompts_[branch.prompt].key, draw.logprob);
  }
  branch.candidate.logprob += draw.logprob;
  branch.candidate.constrained_logprob += draw.constrained_logprob;
  branch.state = draw.next;
  branch.chunk.clear();
  branch.ends = false;
  if (options_.ends(draw.token)) {
    emit(branch, draw.token);
    branch.candidate.finished = true;
    return;
  }
  write(branch, draw.token);
  force(branch);
}

void BranchWriter::write(Branch& branch, text::TokenId token) const {
  emit(branch, token);
  branch.candidate.ids.push_back(token);
  branch.chunk.push_back(token);
}

void BranchWriter::emit(const Branch& branch, text::TokenId token) const {
  for (const std::int64_t sample : branch.samples) {
    if (options_.on_token) {
      options_.on_token(branch.prompt, sample, token);
    }
  }
}

/// Appends tokens without an alternative to the chunk.
void BranchWriter::force(Branch& branch) const {
  text::TokenAutomaton* automaton = prompts_[branch.prompt].automaton;
  while (automaton != nullptr && !full(branch)) {
    const auto edges = automaton->edges(branch.state);
    if (edges.size() != 1) {
      return;
    }
    branch.state = edges[0].next;
    if (edges[0].token == options_.end_of_turn) {
      emit(branch, edges[0].token);
      branch.ends = true;
      return;
    }
    write(branch, edges[0].token);
  }
}

void BranchWriter::count_forced(std::span<Branch> branches, const NextTokenLogits& next) const {
  std::vector<kernels::LogitPlace> forced;
  std::vector<Candidate*> candidates;  // for each place
  std::int64_t row = 0;
  for (Branch& branch : branches) {
    const std::span<const text::TokenId> chunk = branch.chunk;
    for (std::size_t i = 1; i < chunk.size(); ++i) {
      forced.push_back({row + static_cast<std::int64_t>(i) - 1, chunk[i]});
    }
    row += std::ssize(chunk);
    if (branch.ends) {
      forced.push_back({row - 1, options_.end_of_turn});
      branch.candidate.finished = true;
    }
    candidates.resize(forced.size(), &branch.candidate);
  }
  const std::vector<float> values = kernels::logits_at(next.logits(), forced);
  for (std::size_t i = 0; i < forced.size(); ++i) {
    candidates[i]->logprob += values[i] - next.log_sum(static_cast<std::size_t>(forced[i].row));
  }
}

void BranchWriter::pool(Branch& branch, std::span<const float> hidden, std::size_t width) const {
  const bool cut = full(branch) && !branch.candidate.finished;
  const std::size_t count = cut ? branch.chunk.size() - 1 : branch.chunk.size();
  branch.candidate.pooled.resize(width, 0.0F);
  for (std::size_t i = 0; i < count * width; ++i) {
    branch.candidate.pooled[i % width] += hidden[i];
  }
}

Candidate BranchWriter::written(const Branch& branch) const {
  Candidate done = branch.candidate;
  if (!std::isfinite(done.logprob)) {
    throw_<NumericError>("logits must be finite, but an answer to prompt {} has log-probability {} instead",
                         prompts_[branch.prompt].key, done.logprob);
  }
  for (float& sum : done.pooled) {
    sum /= static_cast<float>(std::max<std::size_t>(pooled_tokens(done), 1));
  }
  return done;
}

}  // namespace routedk::decode
