#include "routedk/eval/task_results.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <set>

#include <fmt/format.h>

namespace routedk::eval {
namespace {

constexpr auto kTaskLoss = static_cast<std::size_t>(TaskMetric::kLoss);
constexpr auto kTaskExact = static_cast<std::size_t>(TaskMetric::kExactMatch);
constexpr auto kTaskRouge = static_cast<std::size_t>(TaskMetric::kRougeL);

/// Sum of numerators / sum of denominators over the lines at these indices, which may repeat.
TaskValues ratios(const std::vector<TaskScore>& lines, std::span<const std::uint32_t> drawn) {
  TaskScore sum;
  for (const std::uint32_t line : drawn) {
    for (std::size_t m = 0; m < kTaskMetrics; ++m) {
      sum.numerator[m] += lines[line].numerator[m];
      sum.denominator[m] += lines[line].denominator[m];
    }
  }
  TaskValues values{};
  for (std::size_t m = 0; m < kTaskMetrics; ++m) {
    values[m] = sum.denominator[m] > 0.0 ? sum.numerator[m] / sum.denominator[m] : 0.0;
  }
  return values;
}

/// [metric][resample]
std::array<std::vector<double>, kTaskMetrics> resampled(const std::vector<TaskScore>& lines,
                                                        const bundle::BootstrapOptions& options) {
  std::array<std::vector<double>, kTaskMetrics> all;
  for (int b = 0; b < options.resamples; ++b) {
    const TaskValues values = ratios(lines, bundle::draw_resample(lines.size(), options.seed, b));
    for (std::size_t m = 0; m < kTaskMetrics; ++m) {
      all[m].push_back(values[m]);
    }
  }
  return all;
}

TaskValues values_of(const std::vector<TaskScore>& lines) {
  std::vector<std::uint32_t> each(lines.size());
  for (std::size_t i = 0; i < each.size(); ++i) {
    each[i] = static_cast<std::uint32_t>(i);
  }
  return ratios(lines, each);
}

/// Chosen texts, one per answer, with the share of the candidates that are the same.
std::vector<TaskVote> chosen(std::span<const TaskAnswer> answers, std::int64_t samples) {
  std::vector<TaskVote> texts;
  for (const TaskAnswer& answer : answers) {
    const auto count = std::min(static_cast<std::size_t>(samples), answer.candidates.size());
    texts.push_back(samples == 0 ? TaskVote{answer.greedy, 0.0}
                                 : vote_of(std::span(answer.candidates).first(count),
                                           std::span(answer.logprobs).first(count)));
  }
  return texts;
}

/// One entry per line, in order of first occurrence.
std::vector<TaskScore> scores_by_line(std::span<const TaskGold> gold, std::span<const TaskAnswer> answers,
                                      const std::vector<TaskVote>& texts) {
  std::map<std::int64_t, std::size_t> places;
  std::vector<TaskScore> lines;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto [place, is_new] = places.try_emplace(gold[i].place.first, lines.size());
    if (is_new) {
      lines.emplace_back();
    }
    TaskScore& line = lines[place->second];
    line.numerator[kTaskLoss] += answers[i].loss;
    line.denominator[kTaskLoss] += static_cast<double>(answers[i].tokens);
    line.numerator[kTaskExact] += exact_match(texts[i].text, gold[i].references);
    line.denominator[kTaskExact] += 1.0;
    line.numerator[kTaskRouge] += best_rouge_l(texts[i].text, gold[i].references);
    line.denominator[kTaskRouge] += 1.0;
  }
  return lines;
}

std::map<std::string, double> losses_by_expert(std::span<const TaskGold> gold,
                                               std::span<const TaskAnswer> answers) {
  std::map<std::string, std::pair<double, double>> sums;  // nats, tokens
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!gold[i].expert.empty()) {
      sums[gold[i].expert].first += answers[i].loss;
      sums[gold[i].expert].second += static_cast<double>(answers[i].tokens);
    }
  }
  std::map<std::string, double> losses;
  for (const auto& [expert, sum] : sums) {
    losses[expert] = sum.first / sum.second;
  }
  return losses;
}

std::vector<LayerRouting> task_routing(std::span<const TaskAnswer> answers) {
  std::vector<SessionAnswer> routed(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    routed[i].alpha = answers[i].alpha;
  }
  return routing_by_layer(routed);
}

double mean_share(const std::vector<TaskVote>& texts) {
  double sum = 0.0;
  for (const TaskVote& text : texts) {
    sum += text.share;
  }
  return texts.empty() ? 0.0 : sum / static_cast<double>(texts.size());
}

}  // namespace

std::vector<TaskResult> score_task(const std::string& system, std::span<const TaskGold> gold,
                                   std::span<const TaskAnswer> answers, const TaskScoring& scoring) {
  std::vector<std::int64_t> choices{0};
  choices.insert(choices.end(), scoring.votes.begin(), scoring.votes.end());
  std::vector<TaskResult> results;
  for (const std::int64_t samples : choices) {
    const std::vector<TaskVote> texts = chosen(answers, samples);
    TaskResult result{samples == 0 ? system : fmt::format("{} vote n={}", system, samples), system, samples};
    result.lines = scores_by_line(gold, answers, texts);
    result.values = values_of(result.lines);
    const auto all = resampled(result.lines, scoring.bootstrap);
    std::transform(all.begin(), all.end(), result.intervals.begin(), bundle::percentile_interval);
    result.share = mean_share(texts);
    result.loss_by_expert = losses_by_expert(gold, answers);
    if (samples == 0) {
      result.routing = scoring.mixes ? task_routing(answers) : std::vector<LayerRouting>();
      for (const TaskAnswer& answer : answers) {
        result.seconds += answer.seconds;
      }
    }
    results.push_back(std::move(result));
  }
  return results;
}

io::Json to_json(const TaskResult& result) {
  io::Json json = {{"system", result.system},
                   {"choice", result.samples == 0 ? "greedy" : "vote"},
                   {"samples", std::max<std::int64_t>(result.samples, 1)}};
  io::Json intervals = io::Json::object();
  for (std::size_t m = 0; m < kTaskMetrics; ++m) {
    const std::string name(kTaskMetricNames[m]);
    json[name] = result.values[m];
    intervals[name] = {result.intervals[m].low, result.intervals[m].high};
  }
  json["perplexity"] = std::exp(result.values[kTaskLoss]);
  json["intervals"] = std::move(intervals);
  json["loss_by_expert"] = result.loss_by_expert;
  if (result.samples > 0) {
    json["share"] = result.share;
    return json;
  }
  json["seconds"] = result.seconds;
  if (!result.routing.empty()) {
    json["routing"] = experts::to_json(result.routing);
  }
  return json;
}

io::Json compare_task(const TaskResult& a, const TaskResult& b, const bundle::BootstrapOptions& bootstrap) {
  const auto of_a = resampled(a.lines, bootstrap);
  const auto of_b = resampled(b.lines, bootstrap);
  io::Json json = {{"a", a.name}, {"b", b.name}};
  for (std::size_t m = 0; m < kTaskMetrics; ++m) {
    const std::string name(kTaskMetricNames[m]);
    std::vector<double> differences(of_a[m].size());
    std::transform(of_a[m].begin(), of_a[m].end(), of_b[m].begin(), differences.begin(), std::minus<>());
    const bundle::Interval interval = bundle::percentile_interval(std::move(differences));
    json["difference"][name] = a.values[m] - b.values[m];
    json["intervals"][name] = {interval.low, interval.high};
  }
  return json;
}

}  // namespace routedk::eval
