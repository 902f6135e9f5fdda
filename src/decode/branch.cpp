#include "branch.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/kernels/parallel.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace routedk::decode {
namespace {

/// Tokens of a candidate whose hidden states count.
std::size_t pooled_tokens(const Candidate& candidate) {
  return candidate.finished ? candidate.ids.size() : candidate.ids.size() - 1;
}

}  // namespace

Branch BranchWriter::root(std::size_t prompt) const {
  Branch root;
  root.prompt = prompt;
  root.state = prompts_[prompt].automaton != nullptr ? prompts_[prompt].automaton->start() : 0;
  root.samples.resize(static_cast<std::size_t>(options_.samples));
  std::iota(root.samples.begin(), root.samples.end(), std::int64_t{0});
  return root;
}

std::vector<Draw> BranchWriter::draw(std::span<const Branch> branches, std::span<const std::size_t> rows,
                                     const NextTokenLogits& next) const {
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
  const auto draw_one = [&](std::int64_t place) {
    const auto i = static_cast<std::size_t>(place);
    const auto& [branch, row, sample] = places[i];
    const Prompt& prompt = prompts_[branch->prompt];
    const Random random(options_.seed, "sample",
                        {prompt.key, static_cast<std::uint64_t>(sample),
                         static_cast<std::uint64_t>(branch->candidate.ids.size())});
    draws[i] = prompt.automaton != nullptr
                   ? draw_constrained(next.row(row), next.log_sums[row],
                                      prompt.automaton->edges(branch->state), options_.sampling, random)
                   : draw_free(next.row(row), next.log_sums[row], options_.sampling, random);
  };
  if (free) {
    kernels::for_each_in_parallel(std::ssize(places), draw_one);
  } else {
    for (std::int64_t i = 0; i < std::ssize(places); ++i) {
      draw_one(i);
    }
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

/// Tokens without an alternative join the chunk.
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

void BranchWriter::count_forced(Branch& branch, const NextTokenLogits& next, std::size_t first_row) const {
  const auto count = [&](std::size_t row, text::TokenId token) {
    branch.candidate.logprob +=
        static_cast<double>(next.row(row)[static_cast<std::size_t>(token)]) - next.log_sums[row];
  };
  for (std::size_t i = 1; i < branch.chunk.size(); ++i) {
    count(first_row + i - 1, branch.chunk[i]);
  }
  if (branch.ends) {
    count(first_row + branch.chunk.size() - 1, options_.end_of_turn);
    branch.candidate.finished = true;
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
