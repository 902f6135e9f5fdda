#include "routedk/workflow/steps/policy_samples.h"

#include "routedk/bundle/answer.h"
#include "routedk/bundle/utility.h"
#include "routedk/core/random.h"
#include "routedk/decode/decoder.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace routedk::workflow {
namespace {

using Ids = std::vector<text::TokenId>;

/// Sessions by the key of their raw examples: how many items each has.
using ItemCounts = std::map<std::uint64_t, int>;

ItemCounts item_counts(const Experiment& experiment) {
  ItemCounts counts;
  const bundle::Split& split = experiment.split();
  for (const auto* part : {&split.train, &split.val}) {
    for (const bundle::Session& session : *part) {
      counts[static_cast<std::uint64_t>(session.id)] = static_cast<int>(session.items.size());
    }
  }
  return counts;
}

/// A session of items 1 to n, whose item ids are its product numbers.
bundle::Session numbered_session(int items, const bundle::ProductAnswer& gold) {
  bundle::Session session;
  for (int i = 1; i <= items; ++i) {
    session.items.push_back({i, {}, {}});
  }
  for (const bundle::ProductBundle& products : gold) {
    session.gold.push_back({{products.begin(), products.end()}, {}});
  }
  return session;
}

/// Of the answers to one example.
class UtilityOfAnswers {
 public:
  /// `items`: of its session; 0: it has none.
  UtilityOfAnswers(const bundle::SessionEncoder& encoder, train::TrainUtility kind,
                   const train::Example& example, int items)
      : encoder_(encoder), kind_(kind), example_(example) {
    if (items > 0) {
      gold_ = numbered_session(items,
                               parsed(without_end(example.answer), items).value_or(bundle::ProductAnswer()));
    }
  }

  double operator()(const decode::Candidate& answer) const {
    if (!answer.finished) {
      return 0.0;
    }
    switch (kind_) {
      case train::TrainUtility::kExact:
        return encoder_.tokenizer().decode(answer.ids, true) ==
                       encoder_.tokenizer().decode(without_end(example_.answer), true)
                   ? 1.0
                   : 0.0;
      case train::TrainUtility::kF1:
        return of_bundles(bundle::Utility::kF1, answer.ids);
      case train::TrainUtility::kJaccardF1:
        return of_bundles(bundle::Utility::kJaccardF1, answer.ids);
      case train::TrainUtility::kMean:
        break;
    }
    return of_bundles(bundle::Utility::kMean, answer.ids);
  }

 private:
  static Ids without_end(const Ids& ids) { return {ids.begin(), ids.end() - 1}; }

  std::optional<bundle::ProductAnswer> parsed(const Ids& ids, int items) const {
    return bundle::parse_answer(encoder_.tokenizer().decode(ids, true), items);
  }

  double of_bundles(bundle::Utility kind, const Ids& ids) const {
    const auto answer = parsed(ids, static_cast<int>(gold_.items.size()));
    const auto prediction = answer ? bundle::Prediction(bundle::to_items(gold_, bundle::normalised(*answer)))
                                   : bundle::Prediction();
    return bundle::utility(kind, bundle::score_session(gold_, prediction));
  }

  const bundle::SessionEncoder& encoder_;
  train::TrainUtility kind_;
  const train::Example& example_;
  bundle::Session gold_;
};

/// Among which ids the automaton let each of these be drawn.
std::vector<Ids> allowed_along(text::TokenAutomaton* automaton, const Ids& ids) {
  std::vector<Ids> allowed;
  if (automaton == nullptr) {
    return allowed;
  }
  text::TokenAutomaton::State state = automaton->start();
  for (const text::TokenId id : ids) {
    text::TokenAutomaton::State next = state;
    Ids& of_id = allowed.emplace_back();
    for (const text::TokenAutomaton::Edge& edge : automaton->edges(state)) {
      of_id.push_back(edge.token);
      next = edge.token == id ? edge.next : next;
    }
    state = next;
  }
  return allowed;
}

/// Equal candidates as one answer, in the order of their ids.
train::PromptSamples different(const decode::Generation& generation, text::TokenAutomaton* automaton,
                               text::TokenId end_of_turn, const UtilityOfAnswers& utility) {
  std::map<Ids, train::SampledAnswer> answers;
  for (const decode::Candidate& candidate : generation.candidates) {
    Ids ids = candidate.ids;
    if (candidate.finished) {
      ids.push_back(end_of_turn);
    }
    const auto [found, is_new] = answers.try_emplace(ids);
    if (!is_new) {
      ++found->second.count;
      continue;
    }
    found->second = {ids,
                     allowed_along(automaton, ids),
                     1,
                     utility(candidate),
                     candidate.constrained_logprob,
                     candidate.finished};
  }
  train::PromptSamples samples;
  std::transform(answers.begin(), answers.end(), std::back_inserter(samples),
                 [](auto& entry) { return std::move(entry.second); });
  return samples;
}

class PolicySampler {
 public:
  PolicySampler(const Experiment& experiment, const experts::RoutedModel& model, GroupGates gates,
                const train::TrainConfig& config)
      : experiment_(experiment),
        model_(model),
        gates_(std::move(gates)),
        settings_(config.expected_utility),
        seed_(config.seed),
        items_(experiment.has_sessions() ? item_counts(experiment) : ItemCounts()) {}

  /// The decoder holds weights of its own on a GPU, so each request has a new one.
  std::vector<train::PromptSamples> operator()(const train::SampleRequest& request) const {
    const decode::Decoder decoder(model_, kernels());
    std::vector<train::PromptSamples> all;
    const auto together = static_cast<std::size_t>(experiment_.config().decode.batch_sessions);
    for (std::size_t first = 0; first < request.prompts.size(); first += together) {
      add(decoder, request,
          std::span(request.prompts).subspan(first, std::min(together, request.prompts.size() - first)), all);
    }
    return all;
  }

 private:
  /// Those whose probabilities are training's up to rounding: 8-bit products would be another policy.
  decode::Kernels kernels() const {
    return model_.backbone().device().is_cuda() ? decode::Kernels::kInt8 : decode::Kernels::kReference;
  }
  int items_of(const train::Example& example) const {
    return experiment_.has_sessions() ? items_.at(example.key) : 0;
  }

  void add(const decode::Decoder& decoder, const train::SampleRequest& request,
           std::span<const train::Example* const> examples, std::vector<train::PromptSamples>& all) const {
    const bundle::SessionEncoder& encoder = experiment_.encoder();
    std::vector<decode::Prompt> prompts;
    for (const train::Example* const example : examples) {
      const int items = items_of(*example);
      prompts.push_back({example->prompt,
                         random_key(example->key, request.group, {static_cast<std::uint64_t>(request.step)}),
                         items > 0 ? encoder.answer_automaton(items) : nullptr});
    }
    const auto generations = decoder.generate(*gates_.at(request.group), prompts, options(request.greedy));
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const UtilityOfAnswers utility(encoder, settings_.utility, *examples[i], items_of(*examples[i]));
      all.push_back(different(generations[i], prompts[i].automaton, encoder.end_of_turn(), utility));
    }
  }

  decode::GenerateOptions options(bool greedy) const {
    decode::GenerateOptions options;
    options.samples = greedy ? 1 : settings_.samples;
    options.sampling.temperature = greedy ? 0.0 : 1.0;
    options.max_new_tokens = settings_.max_new_tokens;
    options.end_of_turn = experiment_.encoder().end_of_turn();
    options.seed = seed_;
    return options;
  }

  const Experiment& experiment_;
  const experts::RoutedModel& model_;
  GroupGates gates_;
  train::ExpectedUtilityConfig settings_;
  std::uint64_t seed_;
  ItemCounts items_;
};

}  // namespace

train::SampleFn policy_samples(const Experiment& experiment, const experts::RoutedModel& model,
                               GroupGates gates, const train::TrainConfig& config) {
  return PolicySampler(experiment, model, std::move(gates), config);
}

}  // namespace routedk::workflow
