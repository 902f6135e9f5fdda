/// Cross entropy of answer tokens.
#pragma once

#include "routedk/experts/bank.h"
#include "routedk/experts/gate.h"
#include "routedk/experts/routed_model.h"
#include "routedk/train/packed_batch.h"

#include <vector>

#include <ATen/ATen.h>

namespace routedk::train {

/// What one pass over a micro-batch runs with.
struct LossPass {
  const experts::Gate& gate;
  const PackedBatch& batch;
  const experts::TrainingDropout* dropout = nullptr;  ///< nullptr outside training
  bool recompute = false;                             ///< as in RoutedPass
  /// e: the target is (1 - e) one-hot + e / V everywhere, as torch's cross_entropy has it
  double label_smoothing = 0.0;
  at::Tensor weights = {};  ///< [A] F32: how much each answer token counts; undefined: as in the batch
};

struct AnswerLoss {
  at::Tensor sum;           ///< over all answer tokens by their weights, nats: a differentiable fp32 scalar
  at::Tensor losses;        // [A] F32: of each, without its weight
  at::Tensor token_losses;  // [A] F32: -log p of each: without smoothing, too
  std::vector<experts::GateRows> rows;  // [L]
};

struct HeadTargets {
  at::Tensor targets;       // [A] I64
  at::Tensor weights = {};  // [A] F32, or undefined: 1 each
  double smoothing = 0.0;
  std::int64_t rows_at_once = 1;
  AllowedIds allowed = {};  ///< p is among these alone; without smoothing
};

struct HeadLoss {
  at::Tensor sum;           ///< nats: a differentiable fp32 scalar
  at::Tensor losses;        // [A] F32: of each, without its weight
  at::Tensor token_losses;  // [A] F32: without smoothing, too
};

/// Cross entropy of hidden [A,D] through a frozen head [V,D], some rows after another: neither the [A,V]
/// logits nor their gradient are ever whole.
HeadLoss head_loss(const at::Tensor& hidden, const kernels::FrozenLinear& head, HeadTargets to);
/// So many that their logits take 16 MiB, whatever the vocabulary.
std::int64_t loss_rows_at_once(std::int64_t vocab, at::Device device);

/// -sum of w log p(answer token | everything before it) over all answer tokens of the batch, p among the
/// tokens that the batch allows. What
/// lies behind the last layer's attention is computed for the rows that predict answer tokens and for no
/// others.
AnswerLoss answer_loss(const experts::RoutedModel& model, const LossPass& pass);

/// Its sum alone, by the batch's weights.
at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout = nullptr);

}  // namespace routedk::train
