#include "routedk/workflow/steps/policy_samples.h"

#include "routedk/bundle/answer.h"
#include "routedk/bundle/utility.h"
#include "routedk/core/random.h"
#include "routedk/decode/decoder.h"
#include "routedk/text/rouge.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace routedk::workflow {
namespace {

using Ids = std::vector<text::TokenId>;

/// The number of items of each session, by the key of its raw example.
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

/// References of the user's own examples, by file and line.
using References = std::map<std::string, std::vector<std::string>>;

References references_in(const Experiment& experiment) {
  References references;
  for (const auto* items : {&experiment.task().training, &experiment.task().validation}) {
    for (const TaskItem& item : *items) {
      references[item.example.source] = item.gold.references;
    }
  }
  return references;
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

/// The utility of answers to one example.
class UtilityOfAnswers {
 public:
  /// For a session's example with `items` items.
  UtilityOfAnswers(const bundle::SessionEncoder& encoder, train::TrainUtility kind,
                   const train::Example& example, int items)
      : encoder_(encoder),
        kind_(kind),
        gold_(numbered_session(items, parsed({example.answer.begin(), example.answer.end() - 1}, items)
                                          .value_or(bundle::ProductAnswer()))) {}
  /// For an example with references.
  UtilityOfAnswers(const bundle::SessionEncoder& encoder, train::TrainUtility kind,
                   std::vector<std::string> references)
      : encoder_(encoder), kind_(kind), references_(std::move(references)) {}

  double operator()(const decode::Candidate& answer) const {
    if (!answer.finished) {
      return 0.0;
    }
    switch (kind_) {
      case train::TrainUtility::kExact:
        return best_of(answer.ids, [](const std::string& text, const std::string& reference) {
          return text == reference ? 1.0 : 0.0;
        });
      case train::TrainUtility::kRougeL:
        return best_of(answer.ids, text::rouge_l);
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
  template <typename Likeness>
  double best_of(const Ids& ids, const Likeness& likeness) const {
    const std::string text = encoder_.tokenizer().decode(ids, true);
    double best = 0.0;
    for (const std::string& reference : references_) {
      best = std::max(best, likeness(text, reference));
    }
    return best;
  }

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
  bundle::Session gold_;
  std::vector<std::string> references_;
};

/// For each id, the ids that the automaton allowed at its place.
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

/// Merges equal candidates into one answer, ordered by ids.
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
        items_(experiment.has_sessions() ? item_counts(experiment) : ItemCounts()),
        references_(experiment.has_sessions() ? References() : references_in(experiment)) {}

  /// On a GPU the decoder keeps its own copy of weights, so each request makes a new one.
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
  /// The kernels whose probabilities equal training's up to rounding: 8-bit products would be another policy.
  decode::Kernels kernels() const {
    return model_.backbone().device().is_cuda() ? decode::Kernels::kInt8 : decode::Kernels::kReference;
  }
  int items_of(const train::Example& example) const {
    return experiment_.has_sessions() ? items_.at(example.key) : 0;
  }

  UtilityOfAnswers utility_of(const train::Example& example) const {
    const bundle::SessionEncoder& encoder = experiment_.encoder();
    return experiment_.has_sessions()
               ? UtilityOfAnswers(encoder, settings_.utility, example, items_of(example))
               : UtilityOfAnswers(encoder, settings_.utility, references_.at(example.source));
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
      all.push_back(
          different(generations[i], prompts[i].automaton, encoder.end_of_turn(), utility_of(*examples[i])));
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
  References references_;
};

}  // namespace

train::SampleFn policy_samples(const Experiment& experiment, const experts::RoutedModel& model,
                               GroupGates gates, const train::TrainConfig& config) {
  return PolicySampler(experiment, model, std::move(gates), config);
}

}  // namespace routedk::workflow
