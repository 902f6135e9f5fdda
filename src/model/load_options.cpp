#include "routedk/model/load_options.h"

#include "routedk/core/error.h"
#include "routedk/core/numbers.h"
#include "routedk/kernels/gpu.h"
#include "routedk/model/fast_precision.h"

namespace routedk::model {
namespace {

constexpr std::string_view kCuda = "cuda";

}  // namespace

kernels::Precision precision_of(ComputeType type, at::Device device) {
  switch (type) {
    case ComputeType::kAuto:
      return device.is_cuda() ? kernels::Precision::kBFloat16 : fast_precision();
    case ComputeType::kBFloat16:
      return kernels::Precision::kBFloat16;
    case ComputeType::kFloat32:
      break;
  }
  return kernels::Precision::kFloat32;
}

at::ScalarType dense_type(kernels::Precision precision) noexcept {
  return precision == kernels::Precision::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

Held held_as(Quant quant, Storage storage) noexcept {
  switch (quant) {
    case Quant::kNone:
      return Held::kDense;
    case Quant::kNf4:
      return storage == Storage::kExcepted ? Held::kStored : Held::kNf4;
    case Quant::kAuto:
      return storage == Storage::kDense ? Held::kNf4 : Held::kStored;
    case Quant::kKeep:
      break;
  }
  return Held::kStored;
}

bool names_device(std::string_view word) noexcept {
  if (word == "auto" || word == "cpu" || word == kCuda) {
    return true;
  }
  return word.starts_with("cuda:") && number_in<std::uint8_t>(word.substr(kCuda.size() + 1)).has_value();
}

at::Device parse_device(const char* setting, const std::string& word) {
  if (!names_device(word)) {
    throw_<ConfigError>("`{}` must be auto, cpu, cuda or cuda:N, but is `{}` instead", setting, word);
  }
  if (word == "cpu") {
    return at::kCPU;
  }
  const int index = word.size() > kCuda.size() && word.starts_with(kCuda)
                        ? *number_in<std::uint8_t>(std::string_view(word).substr(kCuda.size() + 1))
                        : 0;
  const auto problem = kernels::gpu_problem(index);
  if (!problem) {
    return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
  }
  if (word == "auto") {
    return at::kCPU;
  }
  if (!kernels::built_with_cuda()) {
    throw_<ConfigError>("`{}` must be cpu in a build without CUDA, but is `{}` instead", setting, word);
  }
  throw_<ConfigError>("`{}` must name a GPU that can be used, but is `{}`, and {}", setting, word, *problem);
}

}  // namespace routedk::model
