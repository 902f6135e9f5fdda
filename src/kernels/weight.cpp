#include "routedk/kernels/weight.h"

#include "routedk/core/error.h"

#include <utility>

#include "devices.h"

namespace routedk::kernels {
namespace {

at::Tensor decode(const Dense& weight, at::ScalarType dtype) {
  return weight.values.to(dtype);
}

at::Tensor decode(const Nf4& weight, at::ScalarType dtype) {
  if (dtype != at::kFloat && dtype != at::kBFloat16) {
    throw_<ConfigError>("the compute type of an NF4 weight must be float32 or bfloat16, but is {} instead",
                        at::toString(dtype));
  }
  const auto decoded = [&](at::ScalarType type) {
    return weight.parts().codes.is_cuda() ? cuda::nf4_dequantize(weight, type)
                                          : cpu::nf4_dequantize(weight, type);
  };
  if (weight.parts().dtype == at::kHalf) {
    return decoded(at::kFloat).to(at::kHalf).to(dtype);
  }
  return decoded(weight.parts().dtype == at::kBFloat16 ? at::kBFloat16 : dtype).to(dtype);
}

at::Tensor decode(const GgmlBlocks& weight, at::ScalarType dtype) {
  return weight.data().is_cuda() ? cuda::ggml_dequantize(weight, dtype) : cpu::ggml_dequantize(weight, dtype);
}

const at::Tensor& numbers(const Dense& weight) {
  return weight.values;
}
const at::Tensor& numbers(const Nf4& weight) {
  return weight.parts().codes;
}
const at::Tensor& numbers(const GgmlBlocks& weight) {
  return weight.data();
}

Weight moved(const Dense& weight, at::Device device) {
  return Dense{weight.values.to(device)};
}
Weight moved(const Nf4& weight, at::Device device) {
  Nf4Parts parts = weight.parts();
  for (at::Tensor* part : {&parts.codes, &parts.codebook, &parts.absmax, &parts.nested_codes,
                           &parts.nested_absmax, &parts.nested_codebook}) {
    if (part->defined()) {
      *part = part->to(device);
    }
  }
  return Nf4(std::move(parts));
}
Weight moved(const GgmlBlocks& weight, at::Device device) {
  return GgmlBlocks(weight.type(), weight.data().to(device));
}

void require_rows(const at::Tensor& ids, std::int64_t rows) {
  if (ids.numel() == 0) {
    return;
  }
  const auto [least, most] = at::aminmax(ids);
  if (least.item<std::int64_t>() < 0 || most.item<std::int64_t>() >= rows) {
    throw_<Error>("ids must be from 0 to {}, but range from {} to {} instead", rows - 1,
                  least.item<std::int64_t>(), most.item<std::int64_t>());
  }
}

}  // namespace

std::int64_t out_features(const Weight& weight) {
  return std::visit([](const auto& w) { return w.out_features(); }, weight);
}

std::int64_t in_features(const Weight& weight) {
  return std::visit([](const auto& w) { return w.in_features(); }, weight);
}

std::int64_t bytes(const Weight& weight) {
  return std::visit([](const auto& w) { return w.bytes(); }, weight);
}

at::Device device_of(const Weight& weight) {
  return std::visit([](const auto& w) { return numbers(w).device(); }, weight);
}

Weight to_device(const Weight& weight, at::Device device) {
  return device == device_of(weight) ? weight
                                     : std::visit([&](const auto& w) { return moved(w, device); }, weight);
}

at::Tensor dequantize(const Weight& weight, at::ScalarType dtype) {
  return std::visit([&](const auto& w) { return decode(w, dtype); }, weight);
}

at::Tensor embedding(const at::Tensor& ids, const Weight& weight, at::ScalarType dtype) {
  require_rows(ids, out_features(weight));
  if (const auto* dense = std::get_if<Dense>(&weight)) {
    return dense->values.index_select(0, ids).to(dtype);
  }
  return (ids.is_cuda() ? cuda::embedding(ids, weight) : cpu::embedding(ids, weight)).to(dtype);
}

}  // namespace routedk::kernels
