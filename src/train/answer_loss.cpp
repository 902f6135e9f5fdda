#include "routedk/train/answer_loss.h"

#include <algorithm>
#include <utility>

#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace routedk::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What of the loss is not differentiated.
struct LossSetting : torch::CustomClassHolder {
  LossSetting(kernels::FrozenLinear h, HeadTargets t) : head(std::move(h)), to(std::move(t)) {}
  kernels::FrozenLinear head;
  HeadTargets to;
};

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  /// -> the sum, and each token's loss [A] with and without smoothing; each row's gradient is made with its
  /// loss.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& hidden,
                               const c10::intrusive_ptr<LossSetting>& setting) {
    const HeadTargets& to = setting->to;
    const bool wanted = hidden.requires_grad();
    const at::Tensor dhidden = wanted ? at::empty_like(hidden) : at::Tensor();
    const at::Tensor losses = at::empty({hidden.size(0)}, hidden.options());
    const at::Tensor token_losses = at::empty_like(losses);
    at::Tensor sum = at::zeros({}, hidden.options().dtype(at::kDouble));
    for (std::int64_t first = 0; first < hidden.size(0); first += to.rows_at_once) {
      const std::int64_t count = std::min(to.rows_at_once, hidden.size(0) - first);
      const at::Tensor target = to.targets.narrow(0, first, count).unsqueeze(1);
      const at::Tensor weight = to.weights.defined() ? to.weights.narrow(0, first, count) : at::Tensor();
      at::Tensor logs = at::log_softmax(setting->head.multiply(hidden.narrow(0, first, count)), -1);  // [n,V]
      const at::Tensor plain = logs.gather(1, target).squeeze(1).neg_();
      const at::Tensor smooth = smoothed(plain, logs, to.smoothing);
      token_losses.narrow(0, first, count).copy_(plain);
      losses.narrow(0, first, count).copy_(smooth);
      sum.add_(total(smooth, weight));
      if (wanted) {
        dhidden.narrow(0, first, count)
            .copy_(setting->head.multiply_backward(gradient(logs, target, weight, to.smoothing)));
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
  static at::Tensor smoothed(const at::Tensor& losses, const at::Tensor& logs, double smoothing) {
    return smoothing > 0.0 ? losses * (1.0 - smoothing) - logs.mean(1) * smoothing : losses;
  }
  static at::Tensor total(const at::Tensor& losses, const at::Tensor& weight) {
    return (weight.defined() ? losses.to(at::kDouble) * weight : losses).sum(at::kDouble);
  }
  /// Log-probabilities, which are overwritten -> d loss / d logits = w (p - ((1 - e) one-hot + e / V)).
  static at::Tensor gradient(at::Tensor& logs, const at::Tensor& target, const at::Tensor& weight,
                             double smoothing) {
    at::Tensor d = logs.exp_();
    if (smoothing > 0.0) {
      d.sub_(smoothing / static_cast<double>(d.size(1)));
    }
    d.scatter_add_(1, target, at::full_like(target, smoothing - 1.0, at::kFloat));
    return weight.defined() ? d.mul_(weight.unsqueeze(1)) : d;
  }
};

}  // namespace

std::int64_t loss_rows_at_once(std::int64_t vocab, at::Device device) {
  constexpr std::int64_t kElements = 1 << 22;       // 16 MiB: memory that is kept and used again
  constexpr std::int64_t kElementsOfGpu = 1 << 26;  // 256 MiB: products large enough for all of it
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
  HeadLoss loss = head_loss(output.hidden, head,
                            {batch.targets, pass.weights, pass.label_smoothing,
                             loss_rows_at_once(head.out_features(), output.hidden.device())});
  return {std::move(loss.sum), std::move(loss.losses), std::move(loss.token_losses), std::move(output.rows)};
}

at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout) {
  return answer_loss(model, {gate, batch, dropout}).sum;
}

}  // namespace routedk::train
