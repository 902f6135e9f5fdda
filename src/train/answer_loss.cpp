#include "routedk/train/answer_loss.h"

#include "routedk/model/attention.h"

namespace routedk::train {

at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout,
                           bool recompute) {
  const model::AttendFn attend = model::causal_attention(batch.batch);
  const at::Tensor hidden = model.forward({batch.batch, gate, attend, dropout, recompute}).hidden;  // [T,D]
  const at::Tensor logits = model.backbone().logits(hidden.index_select(0, batch.predicting));      // [A,V]
  return at::cross_entropy_loss(logits, batch.targets, {}, at::Reduction::Sum);
}

}  // namespace routedk::train
