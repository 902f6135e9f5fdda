#include "routedk/train/joint_step.h"

#include "routedk/train/answer_loss.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace routedk::train {
namespace {

/// One of a group's micro-batches.
struct Part {
  GroupTrainer* group;
  const PackedBatch* batch;
};

std::int64_t tokens_of(const std::vector<Part>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::int64_t{0},
                         [](std::int64_t sum, const Part& part) { return sum + part.batch->batch.tokens(); });
}

/// Runs parts as one batch.
class JointPass {
 public:
  JointPass(const experts::RoutedModel& model, const TrainConfig& config) : model_(model), config_(config) {}

  bool takes(const Part& part) const {
    const auto fits_beside = [&](const Part& other) {
      return other.group->gate().owner() && other.group->progress().step == part.group->progress().step;
    };
    return parts_.empty() ||
           (part.group->gate().owner() && std::all_of(parts_.begin(), parts_.end(), fits_beside) &&
            tokens_of(parts_) + part.batch->batch.tokens() <= config_.max_tokens);
  }
  void add(const Part& part) { parts_.push_back(part); }

  /// Runs forward and backward on the added parts, then clears them.
  void run() {
    if (parts_.empty()) {
      return;
    }
    std::vector<const PackedBatch*> batches;
    std::vector<int> owners;
    for (const Part& part : parts_) {
      batches.push_back(part.batch);
      owners.insert(owners.end(), static_cast<std::size_t>(part.batch->batch.sequences()),
                    part.group->gate().owner().value_or(-1));
    }
    const PackedBatch batch = joined(batches);
    const experts::OwnerGate by_owner(std::move(owners), model_.bank().size());
    const GroupTrainer& first = *parts_.front().group;
    const experts::TrainingDropout dropout{config_.dropout, config_.seed,
                                           static_cast<std::uint64_t>(first.progress().step), batch.keys};
    backward(answer_loss(model_, {parts_.size() > 1 ? by_owner : first.gate(), batch, &dropout,
                                  config_.recompute, config_.label_smoothing}));
    parts_.clear();
  }

 private:
  void backward(const AnswerLoss& answer) {
    at::Tensor loss = answer.sum;
    bool finite = false;
    std::int64_t token = 0;
    for (const Part& part : parts_) {
      const auto own = [&](const at::Tensor& losses) {
        return losses.narrow(0, token, part.batch->answer_tokens()).to(at::kDouble);
      };
      BatchFindings found{
          (own(answer.losses) * part.batch->weights).sum().item<double>(),
          own(answer.token_losses).sum().item<double>() / static_cast<double>(part.group->answer_tokens()),
          answer.rows};
      if (part.group->penalty().any()) {  // its gate mixes: runs alone
        const at::Tensor penalty = gate_penalty(answer.rows, part.group->penalty()) * share(part);
        loss = loss + penalty;
        found.loss += penalty.item<double>();
      }
      part.group->add(found);
      finite = finite || std::isfinite(found.loss);
      token += part.batch->answer_tokens();
    }
    if (finite) {
      loss.backward();
    }
  }

  /// The part's share of the group's step over all processes.
  static double share(const Part& part) {
    return static_cast<double>(part.batch->batch.sequences()) / static_cast<double>(part.group->sequences());
  }

  const experts::RoutedModel& model_;
  const TrainConfig& config_;
  std::vector<Part> parts_;
};

/// The next micro-batch of each group, round after round.
std::vector<Part> in_turn(const std::vector<GroupTrainer*>& groups) {
  std::vector<Part> parts;
  for (std::size_t round = 0, found = 1; found > 0; ++round) {
    found = 0;
    for (GroupTrainer* const group : groups) {
      if (round < group->batches().size()) {
        parts.push_back({group, &group->batches()[round]});
        ++found;
      }
    }
  }
  return parts;
}

}  // namespace

std::vector<GroupStep> compute_steps(const experts::RoutedModel& model, const TrainConfig& config,
                                     const std::vector<GroupTrainer*>& groups) {
  const auto start = std::chrono::steady_clock::now();
  std::for_each(groups.begin(), groups.end(), [](GroupTrainer* group) { group->begin(); });
  JointPass pass(model, config);
  for (const Part& part : in_turn(groups)) {
    if (!pass.takes(part)) {
      pass.run();
    }
    pass.add(part);
  }
  pass.run();
  std::vector<GroupStep> steps;
  std::transform(groups.begin(), groups.end(), std::back_inserter(steps),
                 [](GroupTrainer* group) { return group->finish(); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto tokens = std::accumulate(steps.begin(), steps.end(), std::int64_t{0},
                                      [](std::int64_t sum, const GroupStep& s) { return sum + s.tokens; });
  for (GroupStep& step : steps) {  // by tokens, or equally if there was nothing to learn
    step.seconds = seconds * (tokens > 0 ? static_cast<double>(step.tokens) / static_cast<double>(tokens)
                                         : 1.0 / static_cast<double>(steps.size()));
  }
  return steps;
}

}  // namespace routedk::train
