#include "routedk/train/answer_loss.h"

#include "routedk/kernels/cross_entropy.h"

#include <algorithm>
#include <utility>

#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A logit of probability 0, but finite, so that differences of two are numbers.
constexpr double kForbidden = -1e30;

/// Arguments of the loss that are not differentiated.
struct LossSetting : torch::CustomClassHolder {
  LossSetting(kernels::FrozenLinear h, HeadTargets t) : head(std::move(h)), to(std::move(t)) {}
  kernels::FrozenLinear head;
  HeadTargets to;
};

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  /// -> the sum, and each token's loss [A] with and without smoothing; each row's gradient is computed
  /// together with its loss.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& hidden,
                               const c10::intrusive_ptr<LossSetting>& setting) {
    const HeadTargets& to = setting->to;
    const bool wanted = hidden.requires_grad();
    const at::Tensor dhidden = wanted ? at::zeros_like(hidden) : at::Tensor();
    const at::Tensor losses = at::empty({hidden.size(0)}, hidden.options());
    const at::Tensor token_losses = at::empty_like(losses);
    at::Tensor sum = at::zeros({}, hidden.options().dtype(at::kDouble));
    for (std::int64_t first = 0; first < hidden.size(0); first += to.rows_at_once) {
      const std::int64_t count = std::min(to.rows_at_once, hidden.size(0) - first);
      const auto rows = [&](const at::Tensor& x) { return x.defined() ? x.narrow(0, first, count) : x; };
      const at::Tensor weight = rows(to.weights);
      const at::Tensor logits = setting->head.multiply(rows(hidden));  // [n,V]
      if (const at::Tensor no = to.allowed.forbidden(first, count, logits.size(1), logits.device());
          no.defined()) {
        logits.masked_fill_(no, kForbidden);
      }
      const kernels::TokenLosses found = kernels::cross_entropy(
          logits, {rows(to.targets), weight, to.smoothing}, wanted, operand_type(setting->head, hidden));
      rows(token_losses).copy_(found.unsmooth);
      rows(losses).copy_(found.losses);
      sum.add_(total(found.losses, weight));
      if (wanted) {
        setting->head.multiply_backward(found.gradient, {}, rows(dhidden));
      }
    }
    ctx->mark_non_differentiable({losses, token_losses});
    ctx->save_for_backward({dhidden});
    return {sum.to(at::kFloat), losses, token_losses};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    return {ctx->get_saved_variables()[0] * grads[0], {}};
  }

 private:
  static at::Tensor total(const at::Tensor& losses, const at::Tensor& weight) {
    return (weight.defined() ? losses.to(at::kDouble) * weight : losses).sum(at::kDouble);
  }
  /// The type to which the head's product rounds the gradient anyway.
  static at::ScalarType operand_type(const kernels::FrozenLinear& head, const at::Tensor& hidden) {
    return hidden.is_cuda() && head.precision() == kernels::Precision::kBFloat16 ? at::kBFloat16 : at::kFloat;
  }
};

}  // namespace

std::int64_t loss_rows_at_once(std::int64_t vocab, at::Device device) {
  constexpr std::int64_t kElements = 1 << 22;       // 16 MiB: memory that is kept and reused
  constexpr std::int64_t kElementsOfGpu = 1 << 26;  // 256 MiB: products large enough for the whole GPU
  return std::max<std::int64_t>(1, (device.is_cuda() ? kElementsOfGpu : kElements) / vocab);
}

HeadLoss head_loss(const at::Tensor& hidden, const kernels::FrozenLinear& head, HeadTargets to) {
  const variable_list found =
      CrossEntropy::apply(hidden, c10::make_intrusive<LossSetting>(head, std::move(to)));
  return {found[0], found[1], found[2]};
}

AnswerLoss answer_loss(const experts::RoutedModel& model, const LossPass& pass) {
  const PackedBatch& batch = pass.batch;
  experts::RoutedOutput output =
      model.forward({batch.batch, pass.gate, pass.dropout, pass.recompute, &batch.predicting});
  const kernels::FrozenLinear& head = model.backbone().head();
  HeadLoss loss =
      head_loss(output.hidden, head,
                {batch.targets, pass.weights.defined() ? pass.weights : batch.weights, pass.label_smoothing,
                 loss_rows_at_once(head.out_features(), output.hidden.device()), batch.allowed});
  return {std::move(loss.sum), std::move(loss.losses), std::move(loss.token_losses), std::move(output.rows)};
}

at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout) {
  return answer_loss(model, {gate, batch, dropout}).sum;
}

}  // namespace routedk::train
