/// Cross-entropy of answer tokens.
#pragma once

#include "routedk/experts/bank.h"
#include "routedk/experts/gate.h"
#include "routedk/experts/routed_model.h"
#include "routedk/train/packed_batch.h"

#include <vector>

#include <ATen/ATen.h>

namespace routedk::train {

/// The options of one pass over a micro-batch.
struct LossPass {
  const experts::Gate& gate;
  const PackedBatch& batch;
  const experts::TrainingDropout* dropout = nullptr;  ///< nullptr outside training
  bool recompute = false;                             ///< as in RoutedPass
  /// e: the target is (1 - e) one-hot + e / V everywhere, as in torch's cross_entropy
  double label_smoothing = 0.0;
  at::Tensor weights = {};  ///< [A] F32: weight of each answer token; undefined: as in the batch
};

struct AnswerLoss {
  at::Tensor sum;           ///< weighted, over all answer tokens, in nats: a differentiable fp32 scalar
  at::Tensor losses;        // [A] F32: of each token, unweighted
  at::Tensor token_losses;  // [A] F32: -log p of each token, without smoothing
  std::vector<experts::GateRows> rows;  // [L]
};

struct HeadTargets {
  at::Tensor targets;       // [A] I64
  at::Tensor weights = {};  // [A] F32, or undefined: 1 each
  double smoothing = 0.0;
  std::int64_t rows_at_once = 1;
  AllowedIds allowed = {};  ///< p is normalised over these; requires no smoothing
};

struct HeadLoss {
  at::Tensor sum;           ///< in nats: a differentiable fp32 scalar
  at::Tensor losses;        // [A] F32: of each token, unweighted
  at::Tensor token_losses;  // [A] F32: the same without smoothing
};

/// Cross-entropy of hidden [A,D] through a frozen head [V,D], computed in chunks of rows: neither the [A,V]
/// logits nor their gradient are ever materialised.
HeadLoss head_loss(const at::Tensor& hidden, const kernels::FrozenLinear& head, HeadTargets to);
/// The number of rows whose logits fit the memory for a chunk: 16 MiB on the CPU, 256 MiB on a GPU.
std::int64_t loss_rows_at_once(std::int64_t vocab, at::Device device);

/// -sum of w log p(answer token | everything before it) over all answer tokens of the batch, p normalised
/// over the tokens that the batch allows. What follows the last layer's attention is computed only for the
/// rows that predict answer tokens.
AnswerLoss answer_loss(const experts::RoutedModel& model, const LossPass& pass);

/// Only its sum, with the batch's weights.
at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout = nullptr);

}  // namespace routedk::train
