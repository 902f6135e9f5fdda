#include "routedk/train/answer_loss.h"

#include <algorithm>
#include <utility>

#include <torch/csrc/autograd/custom_function.h>

namespace routedk::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  /// -> the sums with and without smoothing; each row's gradient is made with its loss.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& hidden, const kernels::FrozenLinear& head,
                               const at::Tensor& targets, double smoothing, std::int64_t rows) {
    const bool wanted = hidden.requires_grad();
    const at::Tensor dhidden = wanted ? at::empty_like(hidden) : at::Tensor();
    double smooth_sum = 0.0;
    double token_sum = 0.0;
    for (std::int64_t first = 0; first < hidden.size(0); first += rows) {
      const std::int64_t count = std::min(rows, hidden.size(0) - first);
      const at::Tensor target = targets.narrow(0, first, count).unsqueeze(1);
      at::Tensor logs =
          at::log_softmax(head.multiply(hidden.narrow(0, first, count)), -1);  // [n,V]
      const double loss = -logs.gather(1, target).sum(at::kDouble).item<double>();
      token_sum += loss;
      smooth_sum += smoothing > 0.0 ? (1.0 - smoothing) * loss - smoothing * mean_of_rows(logs) : loss;
      if (wanted) {
        dhidden.narrow(0, first, count).copy_(head.multiply_backward(gradient(logs, target, smoothing)));
      }
    }
    const at::Tensor plain = at::scalar_tensor(token_sum, at::kDouble);
    ctx->mark_non_differentiable({plain});
    ctx->save_for_backward({dhidden});
    return {at::scalar_tensor(smooth_sum, at::kFloat), plain};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    return {ctx->get_saved_variables()[0] * grads[0], {}, {}, {}, {}};
  }

 private:
  static double mean_of_rows(const at::Tensor& x) {
    return x.sum(at::kDouble).item<double>() / static_cast<double>(x.size(1));
  }
  /// Log-probabilities, which are overwritten -> d loss / d logits = p - ((1 - e) one-hot + e / V).
  static at::Tensor gradient(at::Tensor& logs, const at::Tensor& target, double smoothing) {
    at::Tensor d = logs.exp_();
    if (smoothing > 0.0) {
      d.sub_(smoothing / static_cast<double>(d.size(1)));
    }
    return d.scatter_add_(1, target, at::full_like(target, smoothing - 1.0, at::kFloat));
  }
};

}  // namespace

std::int64_t loss_rows_at_once(std::int64_t vocab) {
  constexpr std::int64_t kElements = 1 << 22;  // 16 MiB: memory that is kept and used again
  return std::max<std::int64_t>(1, kElements / vocab);
}

HeadLoss head_loss(const at::Tensor& hidden, const kernels::FrozenLinear& head, const at::Tensor& targets,
                   double smoothing, std::int64_t rows_at_once) {
  const variable_list sums = CrossEntropy::apply(hidden, head, targets, smoothing, rows_at_once);
  return {sums[0], sums[1].item<double>()};
}

AnswerLoss answer_loss(const experts::RoutedModel& model, const LossPass& pass) {
  const PackedBatch& batch = pass.batch;
  experts::RoutedOutput output =
      model.forward({batch.batch, pass.gate, pass.dropout, pass.recompute, &batch.predicting});
  const kernels::FrozenLinear& head = model.backbone().head();
  HeadLoss loss = head_loss(output.hidden, head, batch.targets, pass.label_smoothing,
                            loss_rows_at_once(head.out_features()));
  return {std::move(loss.sum), loss.token_sum, std::move(output.rows)};
}

at::Tensor answer_loss_sum(const experts::RoutedModel& model, const experts::Gate& gate,
                           const PackedBatch& batch, const experts::TrainingDropout* dropout) {
  return answer_loss(model, {gate, batch, dropout}).sum;
}

}  // namespace routedk::train
