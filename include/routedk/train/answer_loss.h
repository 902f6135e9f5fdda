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
};

struct AnswerLoss {
  at::Tensor sum;                       ///< over all answer tokens, nats: a differentiable fp32 scalar
  double token_sum = 0.0;               ///< the same without label smoothing
  std::vector<experts::GateRows> rows;  // [L]
};

struct HeadLoss {
  at::Tensor sum;    ///< nats: a differentiable fp32 scalar
  double token_sum;  ///< the same without label smoothing
};

/// Cross entropy of hidden [A,D] through a frozen head [V,D] with targets [A], `rows_at_once` rows after
/// another: neither the [A,V] logits nor their gradient are ever whole.
HeadLoss head_loss(const at::Tensor& hidden, const kernels::FrozenLinear& head, const at::Tensor& targets,
                   double smoothing, std::int64_t rows_at_once);
/// So many that their logits take 16 MiB, whatever the vocabulary.
std::int64_t loss_rows_at_once(std::int64_t vocab);

/// -sum of log p(answer token | everything before it) over all answer tokens of the batch. What
/// lies behind the last layer's attention is computed for the rows that predict answer tokens and for no
/// others.
AnswerLoss answer_loss(const experts::RoutedModel& model, const LossPass& pass);

/// Its sum alone.
at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout = nullptr);

}  // namespace routedk::train
