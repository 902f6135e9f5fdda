/// Cross entropy of answer tokens.
#pragma once

#include "routedk/experts/bank.h"
#include "routedk/experts/gate.h"
#include "routedk/experts/routed_model.h"
#include "routedk/train/packed_batch.h"

#include <ATen/ATen.h>

namespace routedk::train {

/// -sum of log p(answer token | everything before it) over all answer tokens of the batch, in nats, a
/// differentiable fp32 scalar. Logits are computed for the rows that predict answer tokens and for no others.
/// `dropout` is nullptr outside training; `recompute` as in RoutedPass.
at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout = nullptr,
                           bool recompute = false);

}  // namespace routedk::train
