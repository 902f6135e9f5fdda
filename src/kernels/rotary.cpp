#include "routedk/kernels/rotary.h"

#include "devices.h"
#include <torch/csrc/autograd/custom_function.h>

namespace routedk::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor rotated(const at::Tensor& input, const RotaryTables& tables, Direction direction) {
  const at::Tensor x = input.contiguous();
  return x.is_cuda() ? cuda::rotate(x, tables, direction) : cpu::rotate(x, tables, direction);
}

/// The transpose of a rotation rotates back.
struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& cosines,
                            const at::Tensor& sines) {
    ctx->save_for_backward({cosines, sines});
    return rotated(x, {cosines, sines}, Direction::kForward);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list tables = ctx->get_saved_variables();
    return {rotated(grads[0], {tables[0], tables[1]}, Direction::kBack), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rotate(const at::Tensor& x, const RotaryTables& tables) {
  return Rotate::apply(x, tables.cos, tables.sin);
}

}  // namespace routedk::kernels
