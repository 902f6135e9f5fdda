#include "expected_utility.h"

#include "routedk/core/error.h"
#include "routedk/train/answer_loss.h"
#include "routedk/train/fingerprint.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <utility>

#include "advantages.h"
#include "values_in_place.h"
#include <ATen/core/grad_mode.h>

namespace routedk::train {
namespace {

/// Means over the samples of a step and over its prompts.
class FiguresOfStep {
 public:
  void add(const PromptSamples& samples, const std::vector<double>& advantages) {
    const auto total = static_cast<double>(sample_count(samples));
    bool differ = false;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const auto count = static_cast<double>(samples[i].count);
      sum_.utility += count * samples[i].utility;
      sum_.entropy -= count * samples[i].logprob;
      sum_.advantage_std += count * advantages[i] * advantages[i];
      sum_.unfinished += samples[i].finished ? 0.0 : count;
      differ = differ || advantages[i] != 0.0;
    }
    sum_.distinct += static_cast<double>(samples.size()) / total;
    sum_.informative += differ ? 1.0 : 0.0;
    samples_ += total;
    prompts_ += 1.0;
  }

  /// Over the prompts of all processes. The advantages of a prompt have mean 0.
  SampleFigures means(const parallel::World& world) const {
    SampleFigures means = sum_;
    const double samples = world.sum(samples_);
    const double prompts = world.sum(prompts_);
    for (double* of_samples : {&means.utility, &means.entropy, &means.advantage_std, &means.unfinished}) {
      *of_samples = world.sum(*of_samples) / samples;
    }
    for (double* of_prompts : {&means.distinct, &means.informative}) {
      *of_prompts = world.sum(*of_prompts) / prompts;
    }
    means.advantage_std = std::sqrt(means.advantage_std);
    return means;
  }

 private:
  SampleFigures sum_;
  double samples_ = 0.0;
  double prompts_ = 0.0;
};

const std::vector<std::vector<std::int32_t>>& all_allowed() {
  static const std::vector<std::vector<std::int32_t>> kAll;
  return kAll;
}

/// Every answer of every prompt, in order.
std::vector<WeightedAnswer> each_once(const std::vector<const Example*>& prompts,
                                      const std::vector<PromptSamples>& samples) {
  std::vector<WeightedAnswer> all;
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    for (const SampledAnswer& answer : samples[p]) {
      all.push_back({prompts[p], &answer.ids, &answer.allowed});
    }
  }
  return all;
}

}  // namespace

ExpectedUtility::ExpectedUtility(const experts::RoutedModel& model, const TrainConfig& config,
                                 const ParameterGroup& group, const GroupExamples& examples,
                                 const parallel::World& world)
    : model_(model),
      config_(config),
      group_(group),
      world_(world),
      validation_(examples.validation),
      sample_(examples.sample),
      source_(config, group.name, examples),
      start_(group.parameters->values().clone()) {}

StepWork ExpectedUtility::work(std::int64_t step) {
  const std::int64_t iterations = config_.expected_utility.iterations;
  const bool fresh = step % iterations == 0;
  if (fresh) {
    draw(step / iterations, step);
  }
  SampleFigures figures = round_.figures;
  std::vector<WeightedAnswer> answers = round_.answers;
  if (!fresh) {
    figures.seconds = 0.0;
    figures.clipped = weigh_by_ratio(answers);
  }
  const std::vector<WeightedAnswer> gold = golden();
  answers.insert(answers.end(), gold.begin(), gold.end());
  return {pack_weighted(answers, config_.max_tokens, model_.backbone().device()),
          fresh ? static_cast<std::int64_t>(round_.taken.examples.size()) : 0, figures};
}

void ExpectedUtility::draw(std::int64_t round, std::int64_t step) {
  const auto begun = std::chrono::steady_clock::now();
  round_.taken = source_.take(round);
  round_.own = parallel::share_of(round_.taken.examples, world_);
  round_.samples = drawn(round_.own, round, false);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::vector<WeightedAnswer> answers = each_once(round_.own, round_.samples);
  const std::vector<double> distances = start_distances(answers);  // [answers], or empty
  FiguresOfStep figures;
  double kl = 0.0;
  std::size_t at = 0;
  const auto prompts = static_cast<double>(round_.taken.examples.size());
  for (const PromptSamples& of_prompt : round_.samples) {
    const auto count = static_cast<double>(sample_count(of_prompt));
    std::vector<double> rewards;
    for (std::size_t i = 0; i < of_prompt.size(); ++i) {
      const double distance = distances.empty() ? 0.0 : distances[at + i];
      rewards.push_back(of_prompt[i].utility - config_.expected_utility.kl_weight * distance);
      kl += static_cast<double>(of_prompt[i].count) * distance / count / prompts;
    }
    const std::vector<double> advantages = leave_one_out(of_prompt, rewards);
    figures.add(of_prompt, advantages);
    for (std::size_t i = 0; i < of_prompt.size(); ++i) {
      answers[at++].weight = static_cast<double>(of_prompt[i].count) * advantages[i] / count / prompts;
    }
  }
  std::erase_if(answers, [](const WeightedAnswer& answer) { return answer.weight == 0.0; });
  round_.figures = figures.means(world_);
  round_.figures.seconds = seconds;
  if (config_.expected_utility.kl_weight != 0.0) {
    kl = world_.sum(kl);
    check_distance(kl, step);
    round_.figures.kl = kl;
  }
  if (config_.expected_utility.iterations > 1) {
    round_.logprobs = logprobs(answers);
    round_.figures.clipped = 0.0;
  }
  round_.answers = std::move(answers);
}

/// The gradient of min(r A, clip(r) A) is r A grad log p, or 0 beyond the clip. Returns the share of clipped
/// answers.
double ExpectedUtility::weigh_by_ratio(std::vector<WeightedAnswer>& answers) const {
  const double clip = config_.expected_utility.clip;
  const std::vector<double> now = logprobs(answers);
  double clipped = 0.0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const double ratio = std::exp(now[i] - round_.logprobs[i]);
    double& weight = answers[i].weight;
    const bool beyond = weight > 0.0 ? ratio > 1.0 + clip : ratio < 1.0 - clip;
    clipped += beyond ? 1.0 : 0.0;
    weight *= beyond ? 0.0 : ratio;
  }
  const std::int64_t all = world_.sum(static_cast<std::int64_t>(answers.size()));
  const double share = world_.sum(clipped) / static_cast<double>(std::max(all, std::int64_t{1}));
  std::erase_if(answers, [](const WeightedAnswer& answer) { return answer.weight == 0.0; });
  return share;
}

std::vector<PromptSamples> ExpectedUtility::drawn(const std::vector<const Example*>& prompts,
                                                  std::int64_t round, bool greedy) const {
  return sample_({group_.name, prompts, round, greedy});
}

/// The examples' own answers, with a total weight of likelihood_weight over all processes.
std::vector<WeightedAnswer> ExpectedUtility::golden() const {
  const double weight = config_.expected_utility.likelihood_weight;
  std::vector<WeightedAnswer> gold;
  if (weight == 0.0) {
    return gold;
  }
  std::size_t tokens = 0;
  for (const Example* example : round_.taken.examples) {
    tokens += example->answer.size();
  }
  for (const Example* example : round_.own) {
    gold.push_back({example, &example->answer, &all_allowed()});
  }
  for (WeightedAnswer& answer : gold) {
    answer.weight = weight / static_cast<double>(tokens);
  }
  return gold;
}

/// With the current values of the parameters, in nats.
std::vector<double> ExpectedUtility::logprobs(const std::vector<WeightedAnswer>& answers) const {
  if (answers.empty()) {
    return {};
  }
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> losses;
  for (const PackedBatch& batch : pack_weighted(answers, config_.max_tokens, model_.backbone().device())) {
    losses.push_back(answer_loss(model_, {*group_.gate, batch}).token_losses);
  }
  std::vector<std::int64_t> lengths;
  lengths.reserve(answers.size());
  for (const WeightedAnswer& answer : answers) {
    lengths.push_back(static_cast<std::int64_t>(answer.ids->size()));
  }
  std::vector<double> sums;
  for (const at::Tensor& of_answer : at::split_with_sizes(at::cat(losses), lengths)) {
    sums.push_back(-of_answer.sum(at::kDouble).item<double>());
  }
  return sums;
}

/// log p - log p at the start for each answer, if requested.
std::vector<double> ExpectedUtility::start_distances(const std::vector<WeightedAnswer>& answers) const {
  if (config_.expected_utility.kl_weight == 0.0) {
    return {};
  }
  std::vector<double> now = logprobs(answers);
  const at::NoGradGuard no_grad;
  const ValuesInPlace start(group_.parameters->values(), start_);
  const std::vector<double> then = logprobs(answers);
  std::transform(now.begin(), now.end(), then.begin(), now.begin(), std::minus<>());
  return now;
}

void ExpectedUtility::check_distance(double kl, std::int64_t step) const {
  const double most = config_.expected_utility.max_kl;
  if (!(kl <= most)) {
    throw_<NumericError>(
        "the mean KL of parameter group `{}` to its start must be at most `max_kl`, {} nats per answer, but "
        "is {:.4g} after step {}",
        group_.name, most, kl, step);
  }
}

Validation ExpectedUtility::validate(std::int64_t done) const {
  double sum = 0.0;
  for (const PromptSamples& samples : drawn(parallel::share_of(validation_, world_), done, true)) {
    sum += samples.front().utility;
  }
  const double utility = world_.sum(sum) / static_cast<double>(validation_.size());
  return {-utility, {}, utility};
}

io::Json ExpectedUtility::fingerprint() const {
  return {{"start", values_fingerprint(start_)}};
}

}  // namespace routedk::train
