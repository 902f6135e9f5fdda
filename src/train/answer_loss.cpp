#include "routedk/train/answer_loss.h"

#include "routedk/model/attention.h"

#include <utility>

#include <ATen/core/grad_mode.h>

namespace routedk::train {

AnswerLoss answer_loss(const experts::RoutedModel& model, const LossPass& pass) {
  const PackedBatch& batch = pass.batch;
  const model::AttendFn attend = model::causal_attention(batch.batch);
  experts::RoutedOutput output =
      model.forward({batch.batch, pass.gate, attend, pass.dropout, pass.recompute, &batch.predicting});
  const at::Tensor logits = model.backbone().logits(output.hidden);  // [A,V]
  const auto loss = [&](double smoothing) {
    return at::cross_entropy_loss(logits, batch.targets, {}, at::Reduction::Sum, -100, smoothing);
  };
  AnswerLoss found{loss(pass.label_smoothing), 0.0, std::move(output.rows)};
  const at::NoGradGuard no_grad;
  found.token_sum = (pass.label_smoothing > 0.0 ? loss(0.0) : found.sum).item<double>();
  return found;
}

at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout) {
  return answer_loss(model, {gate, batch, dropout}).sum;
}

}  // namespace routedk::train
