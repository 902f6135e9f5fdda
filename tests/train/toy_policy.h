/// Answers so few that all can be enumerated, with naive probabilities that autograd differentiates.
#pragma once

#include "routedk/core/random.h"
#include "routedk/train/samples.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "train/tiny_model.h"
#include <ATen/core/grad_mode.h>

namespace routedk::testing {

using AllowedAlong = std::vector<std::vector<std::int32_t>>;

/// Two prompts a step, six steps.
inline train::TrainConfig toy_config() {
  train::TrainConfig config;
  config.max_tokens = 40;
  config.checkpoint_every = 3;
  config.expected_utility.steps = 6;
  config.expected_utility.batch_size = 2;
  config.expected_utility.learning_rate = 1e-2;
  config.expected_utility.validate_every = 2;
  return config.utility_phase();
}

/// Experts with large factors, so that the answers' probabilities differ.
inline experts::RoutedModel toy_model() {
  experts::RoutedModel model = tiny_model();
  for (int i = 0; i < kTinyExperts; ++i) {
    randomise(model.bank()[i].parameters(), static_cast<std::uint64_t>(i), 0.2);
  }
  return model;
}

/// The five answers of a small automaton, one of whose tokens is forced, with the ids allowed along them.
inline std::vector<train::SampledAnswer> toy_answers() {
  const std::vector<std::int32_t> first = {5, 9, 13};
  const std::vector<std::int32_t> forced = {20};
  const std::vector<std::int32_t> digit = {7, 8};
  const std::vector<std::int32_t> maybe = {7, 63};
  const std::vector<std::int32_t> end = {63};
  std::vector<train::SampledAnswer> answers;
  const auto add = [&](std::vector<std::int32_t> ids, AllowedAlong allowed) {
    answers.push_back({std::move(ids), std::move(allowed)});
  };
  add({5, 20, 7, 63}, {first, forced, digit, end});
  add({5, 20, 8, 63}, {first, forced, digit, end});
  add({9, 63}, {first, end});
  add({13, 7, 63}, {first, maybe, end});
  add({13, 63}, {first, maybe});
  return answers;
}

/// What an answer to a prompt is worth: 0, 1/4, ... 1, another order for each key.
inline double toy_utility(std::uint64_t key, std::size_t answer) {
  return static_cast<double>((key + 3 * answer) % 5) / 4.0;
}

/// log p of an answer among the allowed ids, a differentiable F64 scalar; free where there are none.
inline at::Tensor naive_logprob(const experts::RoutedModel& model, const experts::Gate& gate,
                                const std::vector<std::int32_t>& prompt, const train::SampledAnswer& answer) {
  std::vector<std::int32_t> ids = prompt;
  ids.insert(ids.end(), answer.ids.begin(), answer.ids.end());
  const auto length = static_cast<std::int64_t>(prompt.size());
  const auto batch = model::FlatBatch::make({ids}, {length});
  const at::Tensor logits =
      model.backbone().logits(model.forward({batch, gate}).hidden).to(at::kDouble);  // [T,V]
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (std::size_t i = 0; i < answer.ids.size(); ++i) {
    const at::Tensor row = logits[length - 1 + static_cast<std::int64_t>(i)];
    const at::Tensor among =
        answer.allowed.empty()
            ? row
            : row.index_select(0, at::tensor(std::vector<std::int64_t>(answer.allowed[i].begin(),
                                                                       answer.allowed[i].end())));
    sum = sum + row[answer.ids[i]] - at::logsumexp(among, 0);
  }
  return sum;
}

/// p of each toy answer, F64 scalars.
inline std::vector<at::Tensor> toy_probabilities(const experts::RoutedModel& model, const experts::Gate& gate,
                                                 const std::vector<std::int32_t>& prompt) {
  std::vector<at::Tensor> all;
  for (const train::SampledAnswer& answer : toy_answers()) {
    all.push_back(naive_logprob(model, gate, prompt, answer).exp());
  }
  return all;
}

/// The exact expected utility of the prompt's answers, a differentiable F64 scalar.
inline at::Tensor toy_expected_utility(const experts::RoutedModel& model, const experts::Gate& gate,
                                       const train::Example& example) {
  const std::vector<at::Tensor> p = toy_probabilities(model, gate, example.prompt);
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (std::size_t i = 0; i < p.size(); ++i) {
    sum = sum + p[i] * toy_utility(example.key, i);
  }
  return sum;
}

/// Toy answers with these counts, those of 0 left out.
inline train::PromptSamples toy_samples(std::uint64_t key, const std::vector<std::int64_t>& counts,
                                        const std::vector<double>& probabilities) {
  train::PromptSamples samples;
  std::vector<train::SampledAnswer> all = toy_answers();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) {
      all[i].count = counts[i];
      all[i].utility = toy_utility(key, i);
      all[i].logprob = std::log(probabilities[i]);
      samples.push_back(all[i]);
    }
  }
  return samples;
}

/// Draws `samples` toy answers a prompt by their exact probabilities under the gate of a group; greedy: the
/// likeliest.
inline train::SampleFn toy_sampler(const experts::RoutedModel& model,
                                   const std::vector<train::ParameterGroup>& groups, std::int64_t samples) {
  return [&model, groups, samples](const train::SampleRequest& request) {
    const at::NoGradGuard no_grad;
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const auto& one) { return one.name == request.group; });
    std::vector<train::PromptSamples> all;
    for (const train::Example* example : request.prompts) {
      std::vector<double> p;
      for (const at::Tensor& one : toy_probabilities(model, *group->gate, example->prompt)) {
        p.push_back(one.item<double>());
      }
      std::vector<std::int64_t> counts(p.size(), 0);
      if (request.greedy) {
        counts[static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin())] = 1;
      }
      Random random(5, request.group, {example->key, static_cast<std::uint64_t>(request.step)});
      for (std::int64_t i = 0; !request.greedy && i < samples; ++i) {
        double left = random.uniform();
        std::size_t answer = 0;
        while (answer + 1 < p.size() && left >= p[answer]) {
          left -= p[answer++];
        }
        ++counts[answer];
      }
      all.push_back(toy_samples(example->key, counts, p));
    }
    return all;
  };
}

}  // namespace routedk::testing
