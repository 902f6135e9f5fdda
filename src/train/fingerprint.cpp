#include "routedk/train/fingerprint.h"

#include "routedk/core/config_types.h"
#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/kernels/gpu.h"
#include "routedk/quant/tensor_view.h"

#include <cstddef>
#include <span>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <torch/version.h>

namespace routedk::train {
namespace {

/// A `fields` visitor that collects the values of a struct.
class FieldValues {
 public:
  explicit FieldValues(io::Json& values) : values_(values) {}
  template <typename T, typename Rule = NoRule>
  void operator()(const char* name, T& member, const char* /*meaning*/, const Rule& /*rule*/ = {}) {
    if constexpr (ConfigScalar<T>) {
      values_[name] = member;
    } else if constexpr (ConfigSection<T>) {
      FieldValues of_section(values_[name]);
      member.fields(of_section);
    } else {  // a list of sections
      values_[name] = io::Json::array();
      for (auto& section : member) {
        FieldValues of_section(values_[name].emplace_back());
        section.fields(of_section);
      }
    }
  }

 private:
  io::Json& values_;
};

std::uint64_t chained(std::uint64_t hash, const std::vector<std::int32_t>& ids) {
  hash = mix64(hash ^ ids.size());
  for (const std::int32_t id : ids) {
    hash = mix64(hash ^ static_cast<std::uint32_t>(id));
  }
  return hash;
}

std::uint64_t hash_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  const std::span<const std::byte> bytes = quant::to_view("", values).bytes;
  return hash64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// The first column of the matrix: a product with a unit vector is exact in any order of summation.
std::uint64_t hash_of(const kernels::FrozenLinear& linear) {
  const at::Tensor unit = at::zeros({1, linear.in_features()},
                                    at::TensorOptions(kernels::device_of(linear.weight())).dtype(at::kFloat));
  unit.select(1, 0).fill_(1);
  return hash_of(linear.forward(unit));
}

std::string shown(const io::Json& flat, const std::string& pointer) {
  return flat.contains(pointer) ? flat[pointer].dump() : "absent";
}

}  // namespace

io::Json config_fingerprint(const TrainConfig& config) {
  TrainConfig copy = config;
  copy.reset_habits();
  io::Json values;
  FieldValues fields(values);
  copy.fields(fields);
  if (copy.max_steps == 0) {
    values.erase("max_steps");  // unknown to checkpoints that are older than the setting
  }
  return values;
}

io::Json backbone_fingerprint(const model::Backbone& backbone) {
  const at::NoGradGuard no_grad;
  const model::LlamaConfig& shape = backbone.config();
  std::uint64_t hash = 0;
  for (const model::Layer& layer : backbone.layers()) {
    for (const std::uint64_t part :
         {hash_of(layer.attention_norm), hash_of(layer.mlp_norm), hash_of(layer[model::Linear::kQ]),
          hash_of(layer[model::Linear::kDown])}) {
      hash = mix64(hash ^ part);
    }
  }
  return {{"layers", shape.layers},    {"hidden", shape.hidden},
          {"vocabulary", shape.vocab}, {"dtype", name_of(backbone.precision())},
          {"bytes", backbone.bytes()}, {"weights", fmt::format("{:016x}", hash)}};
}

std::string examples_fingerprint(const std::vector<const Example*>& examples) {
  std::uint64_t hash = examples.size();
  for (const Example* example : examples) {
    hash = chained(chained(mix64(hash ^ example->key), example->prompt), example->answer);
  }
  return fmt::format("{:016x}", hash);
}

std::string values_fingerprint(const at::Tensor& values) {
  return fmt::format("{:016x}", hash_of(values));
}

io::Json machine_fingerprint(at::Device device) {
  if (device.is_cuda()) {
    return {{"gpu", kernels::gpu_name(device.index())}, {"libtorch", TORCH_VERSION}};
  }
  return {{"cpu", at::get_cpu_capability()}, {"threads", at::get_num_threads()}, {"libtorch", TORCH_VERSION}};
}

void require_equal(const io::Json& found, const io::Json& expected, const std::string& where) {
  const io::Json theirs = found.flatten();
  const io::Json ours = expected.flatten();
  std::vector<std::string> pointers;
  for (const io::Json* side : {&ours, &theirs}) {
    for (const auto& item : side->items()) {
      pointers.push_back(item.key());
    }
  }
  for (const std::string& pointer : pointers) {
    if (shown(theirs, pointer) != shown(ours, pointer)) {
      std::string name = pointer.substr(1);  // "/config/epochs" -> "config.epochs"
      std::replace(name.begin(), name.end(), '/', '.');
      throw_<ConfigError>("`{}` must be {} as in {}, but is {} instead.", name, shown(theirs, pointer), where,
                          shown(ours, pointer));
    }
  }
}

void require_same_machine(const io::Json& found, at::Device device, const std::string& checkpoint) {
  require_equal(
      found, machine_fingerprint(device),
      checkpoint + " (`train.resume_elsewhere`, for the router `router.resume_elsewhere`, continues anyway)");
}

}  // namespace routedk::train
