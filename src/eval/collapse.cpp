#include "routedk/eval/collapse.h"

#include "routedk/bundle/answer.h"
#include "routedk/core/random.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/ranges.h>

namespace routedk::eval {
namespace {

using bundle::Prediction;
using bundle::Session;

constexpr const char* kWhole = "one bundle of everything";

std::vector<text::TokenId> random_ids(text::TokenAutomaton& automaton, Random random) {
  std::vector<text::TokenId> ids;
  auto edges = automaton.edges(automaton.start());
  while (!edges.empty()) {
    const auto& edge = edges[static_cast<std::size_t>(random.below(edges.size()))];
    ids.push_back(edge.token);
    edges = automaton.edges(edge.next);
  }
  ids.pop_back();  // the end of the turn
  return ids;
}

Prediction random_answer(const Session& session, const bundle::SessionEncoder& encoder, Random random) {
  const auto items = static_cast<int>(session.items.size());
  if (items < 2) {
    return bundle::Answer();
  }
  const auto ids = random_ids(*encoder.answer_automaton(items), random);
  const auto answer = bundle::parse_answer(encoder.tokenizer().decode(ids, true), items);
  return answer ? Prediction(bundle::to_items(session, bundle::normalised(*answer))) : Prediction();
}

/// Product numbers, ascending; 0 for an item that is not in the session.
std::vector<std::size_t> numbers_of(const Session& session, const bundle::Bundle& bundle) {
  std::vector<std::size_t> numbers;
  for (const bundle::ItemId item : bundle) {
    const auto place = std::ranges::find(session.items, item, &bundle::Item::id);
    numbers.push_back(
        place == session.items.end() ? 0 : static_cast<std::size_t>(place - session.items.begin()) + 1);
  }
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace

std::string answer_pattern(const Session& session, const Prediction& prediction) {
  if (!prediction) {
    return "unparsed";
  }
  if (prediction->size() == 1 && prediction->front().size() == session.items.size()) {
    return kWhole;
  }
  std::set<std::vector<std::size_t>> bundles;
  for (const bundle::Bundle& bundle : *prediction) {
    bundles.insert(numbers_of(session, bundle));
  }
  return bundles.empty() ? "no bundle" : fmt::format("{}", fmt::join(bundles, ", "));
}

AnswerPatterns patterns_of(const std::vector<std::string>& answers) {
  AnswerPatterns patterns;
  patterns.sessions = answers.size();
  std::map<std::string, std::size_t> counts;
  for (const std::string& answer : answers) {
    ++counts[answer];
  }
  const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  if (most != counts.end()) {
    const auto total = static_cast<double>(patterns.sessions);
    patterns.whole = static_cast<double>(counts[kWhole]) / total;
    patterns.alike = static_cast<double>(most->second) / total;
    patterns.commonest = most->first;
  }
  return patterns;
}

AnswerPatterns answer_patterns(std::span<const Session> sessions, std::span<const Prediction> predictions) {
  std::vector<std::string> answers;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    if (sessions[i].items.size() >= kFewestItems) {
      answers.push_back(answer_pattern(sessions[i], predictions[i]));
    }
  }
  return patterns_of(answers);
}

bundle::Runs random_model(std::span<const Session> sessions, const bundle::SessionEncoder& encoder,
                          std::uint64_t seed) {
  bundle::Runs runs;
  for (std::uint64_t run = 0; run < kRandomDraws; ++run) {
    std::vector<Prediction> answers;
    for (const Session& session : sessions) {
      const Random random(seed, "random model", {static_cast<std::uint64_t>(session.id), run});
      answers.push_back(random_answer(session, encoder, random));
    }
    runs.push_back(bundle::score_sessions(sessions, answers));
  }
  return runs;
}

std::vector<std::string> collapse_signs(const AnswerPatterns& patterns) {
  if (patterns.sessions < kFewestAnswers) {
    return {};
  }
  if (patterns.whole > kMostWhole) {
    return {fmt::format("answers {:.0f} % of {} sessions with {}", 100.0 * patterns.whole, patterns.sessions,
                        kWhole)};
  }
  if (patterns.alike > kMostAlike) {
    return {fmt::format("gives {:.0f} % of {} sessions the same answer: {}", 100.0 * patterns.alike,
                        patterns.sessions, patterns.commonest)};
  }
  return {};
}

std::vector<std::string> collapse_signs(const AnswerPatterns& patterns, double f1,
                                        const bundle::Interval& interval, double random_f1) {
  std::vector<std::string> signs = collapse_signs(patterns);
  if (patterns.sessions >= kFewestSessions && interval.high < random_f1) {
    signs.push_back(
        fmt::format("has f1 {:.3f} ({:.3f} to {:.3f}), less than random answers of the same grammar, {:.3f}",
                    f1, interval.low, interval.high, random_f1));
  }
  return signs;
}

}  // namespace routedk::eval
