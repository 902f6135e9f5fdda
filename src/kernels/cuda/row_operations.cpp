/// Norm, rotation, activation, dropout and optimiser on tensors.
#include <cmath>

#include "../devices.h"
#include "tensors.h"

namespace routedk::kernels::cuda {

NormOutput rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, at::ScalarType to) {
  NormOutput output{at::empty(x.sizes(), x.options().dtype(to)), at::empty({x.size(0)}, x.options())};
  with_type(to, [&]<typename T>() {
    launch_rms_norm(data<float>(x), data<float>(weight), mutable_data<T>(output.y),
                    mutable_data<float>(output.scale), {x.size(0), x.size(1), static_cast<float>(eps)},
                    current_stream());
  });
  return output;
}

at::Tensor rms_norm_backward(const at::Tensor& dy, const NormInput& input) {
  at::Tensor dx = at::empty(input.x.sizes(), input.x.options().dtype(at::kFloat));
  const NormShape shape{dy.size(0), dy.size(1), 0.0F};
  with_type(dy.scalar_type(), [&]<typename T>() {
    if (input.is_output) {
      launch_rms_norm_backward_of_output(data<T>(dy), data<T>(input.x), data<float>(input.weight),
                                         data<float>(input.scale), mutable_data<float>(dx), shape,
                                         current_stream());
    } else {
      launch_rms_norm_backward(data<T>(dy), data<float>(input.x), data<float>(input.weight),
                               data<float>(input.scale), mutable_data<float>(dx), shape, current_stream());
    }
  });
  return dx;
}

at::Tensor rotate(const at::Tensor& x, const RotaryTables& tables, Direction direction) {
  at::Tensor y = at::empty_like(x);
  with_type(x.scalar_type(), [&]<typename T>() {
    launch_rotate(data<T>(x), data<float>(tables.cos), data<float>(tables.sin), mutable_data<T>(y),
                  {x.size(0), x.size(1), x.size(2) / 2, static_cast<float>(direction)}, current_stream());
  });
  return y;
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  at::Tensor y = at::empty_like(gate);
  with_type(gate.scalar_type(), [&]<typename T>() {
    launch_swiglu(data<T>(gate), data<T>(up), mutable_data<T>(y), gate.numel(), current_stream());
  });
  return y;
}

std::pair<at::Tensor, at::Tensor> swiglu_backward(const at::Tensor& dy, const at::Tensor& gate,
                                                  const at::Tensor& up) {
  at::Tensor dgate = at::empty_like(dy);
  at::Tensor dup = at::empty_like(dy);
  with_type(dy.scalar_type(), [&]<typename T>() {
    launch_swiglu_backward<T>(
        {data<T>(dy), data<T>(gate), data<T>(up), mutable_data<T>(dgate), mutable_data<T>(dup)}, dy.numel(),
        current_stream());
  });
  return {dgate, dup};
}

namespace {

DropoutRule rule_of(const DropoutMask& mask) {
  constexpr double kLevels = 65536.0;
  return {mask.threshold, static_cast<float>(kLevels / (kLevels - mask.threshold))};
}

/// Calls each(table) for each table that the segments fill.
template <typename Each>
void for_each_table(const DropoutMask& mask, const Each& each) {
  DropoutTable table{};
  for (std::size_t s = 0; s < mask.segments.size(); ++s) {
    const DropoutSegment& segment = mask.segments[s];
    table.rows[table.count++] = {segment.begin, segment.end, segment.key, segment.first};
    if (table.count == DropoutTable::kMost || s + 1 == mask.segments.size()) {
      each(table);
      table.count = 0;
    }
  }
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, const DropoutMask& mask) {
  const at::Tensor in = x.contiguous();
  at::Tensor out = at::empty_like(in);
  with_type(in.scalar_type(), [&]<typename T>() {
    for_each_table(mask, [&](const DropoutTable& table) {
      launch_dropout(data<T>(in), mutable_data<T>(out), in.size(1), table, rule_of(mask), current_stream());
    });
  });
  return out;
}

void add_dropped_product(const at::Tensor& sum, const at::Tensor& left, const at::Tensor& right,
                         const DropoutMask& mask) {
  TORCH_INTERNAL_ASSERT(sum.is_contiguous() && right.is_contiguous() && left.stride(1) == 1);
  with_type(sum.scalar_type(), [&]<typename T>() {
    for_each_table(mask, [&](const DropoutTable& table) {
      launch_add_dropped_product<T>(
          {data<T>(left), left.stride(0), data<T>(right), right.size(0), mutable_data<T>(sum), sum.size(1)},
          table, rule_of(mask), current_stream());
    });
  });
}

void adamw_step(const AdamWOptions& config, const AdamWStep& step, const at::Tensor& grads,
                const at::Tensor& values, const AdamWMoments& moments) {
  const auto correction = [&](double beta) { return 1.0 - std::pow(beta, static_cast<double>(step.number)); };
  const AdamWFactors factors{static_cast<float>(config.beta1),
                             static_cast<float>(config.beta2),
                             static_cast<float>(1.0 - config.beta1),
                             static_cast<float>(1.0 - config.beta2),
                             static_cast<float>(config.epsilon),
                             static_cast<float>(1.0 - step.learning_rate * config.weight_decay),
                             static_cast<float>(step.gradient_scale),
                             static_cast<float>(step.learning_rate / correction(config.beta1)),
                             static_cast<float>(1.0 / std::sqrt(correction(config.beta2)))};
  launch_adamw(data<float>(grads), mutable_data<float>(values), mutable_data<float>(moments.first),
               mutable_data<float>(moments.second), values.numel(), factors, current_stream());
}

}  // namespace routedk::kernels::cuda
