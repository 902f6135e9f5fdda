/// The objective of expected utility of sampled answers.
#pragma once

#include "routedk/train/objective.h"

#include <vector>

#include "example_source.h"
#include "weighted_answers.h"

namespace routedk::train {

/// Policy gradient with a leave-one-out baseline (RLOO: Kool et al. 2019; arXiv 2402.14740), which is minimum
/// risk training (arXiv 1512.02433) with a baseline. For a prompt's G samples y_i with utilities u_i
///   R_i = u_i - kl_weight (log p(y_i) - log p_start(y_i))      (KL in the reward: arXiv 2009.01325)
///   A_i = R_i - mean of the other samples' R
/// and the step minimises the mean over its prompts of -1/G sum A_i log p(y_i), plus likelihood_weight times
/// the gold answers' mean cross-entropy. log p is normalised over the allowed tokens, as in sampling, so the
/// gradient is unbiased. Equal answers are computed once, those with coefficient 0 not at all.
///
/// With iterations > 1, that many steps are taken on the answers of one draw, by the clipped surrogate of PPO
/// (arXiv 1707.06347) with a whole answer as the action: -1/G sum min(r_i A_i, clip(r_i, 1 - c, 1 + c) A_i)
/// with r_i = p(y_i) / p(y_i) at the draw. The first of these steps, where r_i = 1, is the one above.
class ExpectedUtility : public Objective {
 public:
  /// The group's current values are the start.
  ExpectedUtility(const experts::RoutedModel& model, const TrainConfig& config, const ParameterGroup& group,
                  const GroupExamples& examples, const parallel::World& world);

  std::int64_t steps() const override { return config_.expected_utility.steps; }
  bool validates_after(std::int64_t done) const override {
    return done % config_.expected_utility.validate_every == 0 || done == steps();
  }
  std::int64_t examples_after(std::int64_t done) const override {
    return source_.examples_between(rounds(done), rounds(steps()));
  }
  bool resumes_after(std::int64_t done) const override {
    return done % config_.expected_utility.iterations == 0;
  }
  StepWork work(std::int64_t step) override;
  Validation validate(std::int64_t done) const override;
  io::Json fingerprint() const override;

 private:
  /// What the steps on one draw need.
  struct Round {
    TakenExamples taken;
    std::vector<const Example*> own;  ///< this process's share of them; the members below are for it
    std::vector<PromptSamples> samples;
    std::vector<WeightedAnswer> answers;  ///< those with an advantage, which is their weight
    std::vector<double> logprobs;         ///< theirs at the draw; empty for a single step
    SampleFigures figures;
  };
  /// Number of draws that the first `steps` steps use.
  std::int64_t rounds(std::int64_t steps) const {
    const std::int64_t iterations = config_.expected_utility.iterations;
    return (steps + iterations - 1) / iterations;
  }
  void draw(std::int64_t round, std::int64_t step);
  double weigh_by_ratio(std::vector<WeightedAnswer>& answers) const;
  std::vector<PromptSamples> drawn(const std::vector<const Example*>& prompts, std::int64_t round,
                                   bool greedy) const;
  std::vector<WeightedAnswer> golden() const;
  std::vector<double> logprobs(const std::vector<WeightedAnswer>& answers) const;
  std::vector<double> start_distances(const std::vector<WeightedAnswer>& answers) const;
  void check_distance(double kl, std::int64_t step) const;

  const experts::RoutedModel& model_;
  const TrainConfig& config_;
  const ParameterGroup& group_;
  const parallel::World& world_;
  std::vector<const Example*> validation_;
  SampleFn sample_;
  ExampleSource source_;
  at::Tensor start_;  // [P]
  Round round_;
};

}  // namespace routedk::train
