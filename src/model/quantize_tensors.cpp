#include "routedk/model/hf_folder.h"
#include "routedk/quant/nf4_checkpoint.h"

#include <algorithm>

namespace routedk::model {
namespace {

bool is_matrix(const io::TensorView& tensor) {
  return quant::is_weight_type(tensor.dtype) && tensor.shape.size() == 2 && !tensor.bytes.empty();
}

/// Matrices first, each of which fills a multiple of 8 bytes; then the others, widest elements first, so that
/// all are aligned.
std::vector<const io::TensorView*> in_order(const io::SafetensorsFile& file) {
  std::vector<const io::TensorView*> order;
  for (const auto& [name, tensor] : file.tensors()) {
    order.push_back(&tensor);
  }
  const auto rank = [](const io::TensorView* tensor) {
    return is_matrix(*tensor) ? 0 : -static_cast<int>(io::dtype_size(tensor->dtype)) + 9;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto* a, const auto* b) { return rank(a) < rank(b); });
  return order;
}

}  // namespace

void quantize_tensors(const std::filesystem::path& file, bool double_quant,
                      const std::filesystem::path& output) {
  const auto source = io::SafetensorsFile::open(file);
  const std::vector<const io::TensorView*> order = in_order(source);
  std::vector<io::TensorView> plan;
  for (const io::TensorView* tensor : order) {
    if (is_matrix(*tensor)) {
      const auto layout = quant::nf4_layout(tensor->name, tensor->shape[0], tensor->shape[1], double_quant);
      plan.insert(plan.end(), layout.begin(), layout.end());
    } else {
      plan.push_back(*tensor);
    }
  }
  io::SafetensorsWriter writer(output, plan, {{"format", "pt"}});
  std::size_t next = 0;
  for (const io::TensorView* tensor : order) {
    if (!is_matrix(*tensor)) {
      writer.append(*tensor);
      ++next;
      continue;
    }
    const at::Tensor dense = quant::borrow_tensor(*tensor, source.mapping());
    for (const at::Tensor& part : quant::nf4_tensors(kernels::Nf4::quantize(dense, double_quant))) {
      writer.append(quant::to_view(plan[next++].name, part.contiguous()));
    }
  }
  writer.commit();
}

}  // namespace routedk::model
