#include "routedk/experts/peft.h"

#include "routedk/core/files.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <vector>

#include "module_names.h"
#include "peft_config.h"
#include "stored_tensors.h"

namespace routedk::experts {
namespace {

constexpr const char* kConfigFile = "adapter_config.json";
constexpr const char* kWeightFile = "adapter_model.safetensors";

/// The name of a factor in the file: as PEFT saves it, or with the adapter's own name, `.default`, as in
/// state dicts of models with adapters.
std::string stored_name(const StoredTensors& tensors, std::int64_t layer, model::Linear linear, char factor) {
  const std::string name = factor_name(layer, linear, factor);
  std::string infixed = name.substr(0, name.rfind('.')) + ".default.weight";
  return !tensors.has(name) && tensors.has(infixed) ? infixed : name;
}

/// FileError unless the file has exactly the factors of the plan, in the shapes that `shape_of(layer,
/// linear)` gives.
template <typename ShapeOf>
void expect_factors(StoredTensors& tensors, const LoraPlan& plan, const ShapeOf& shape_of) {
  const auto layers = static_cast<std::int64_t>(plan.sizes.size()) / model::kLinears;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    for (int i = 0; i < model::kLinears; ++i) {
      const auto linear = static_cast<model::Linear>(i);
      const std::int64_t rank = plan.at(layer, linear).rank;
      if (rank > 0) {
        const model::LinearShape shape = shape_of(layer, linear);
        tensors.expect(stored_name(tensors, layer, linear, 'A'), {rank, shape.in});
        tensors.expect(stored_name(tensors, layer, linear, 'B'), {shape.out, rank});
      }
    }
  }
  tensors.finish();
}

/// The number of layers that the tensors' names have; at least 1. Names beyond any model's are no names of
/// layers.
std::int64_t layers_named(const StoredTensors& tensors) {
  constexpr std::int64_t kMostLayers = 1000;
  static const std::string kBefore = "base_model.model.model.layers.";
  std::int64_t layers = 1;
  for (const std::string& name : tensors.names()) {
    std::int64_t layer = 0;
    const bool named =
        name.starts_with(kBefore) &&
        std::from_chars(name.data() + kBefore.size(), name.data() + name.size(), layer).ec == std::errc();
    layers = named && layer < kMostLayers ? std::max(layers, layer + 1) : layers;
  }
  return layers;
}

}  // namespace

void save_peft(const Expert& expert, const std::filesystem::path& folder, const std::string& base_model) {
  std::vector<at::Tensor> owned;  // keeps the tensors of the views alive
  std::vector<io::TensorView> views;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    owned.push_back(tensor.detach().to(at::kCPU).contiguous());
    if (!owned.back().isfinite().all().item<bool>()) {
      throw_<Error>(
          "an expert must be finite to be saved, but {} of {} is not: lower the learning rate or "
          "lora.alpha",
          name, expert.name());
    }
    views.push_back(quant::to_view(name, owned.back()));
  };
  const io::Json config = peft_config_json(expert, base_model);
  expert.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors& f) {
    add(factor_name(layer, linear, 'A'), f.a);
    add(factor_name(layer, linear, 'B'), f.bt.t());
  });
  FolderWriter writer(folder);
  io::write_safetensors(writer.path() / kWeightFile, views, {{"format", "pt"}});
  io::write_json(writer.path() / kConfigFile, config);
  writer.commit();
}

Expert load_peft(const std::filesystem::path& folder, const std::string& name,
                 const model::LlamaConfig& model) {
  const LoraPlan plan = read_peft_config(folder / kConfigFile, model);
  StoredTensors tensors(folder / kWeightFile);
  expect_factors(tensors, plan,
                 [&](std::int64_t, model::Linear linear) { return linear_shape(model, linear); });
  Expert expert(name, model, plan);
  expert.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors& f) {
    tensors.read(stored_name(tensors, layer, linear, 'A'), f.a);
    tensors.read(stored_name(tensors, layer, linear, 'B'), f.bt.t());
  });
  return expert;
}

LoraPlan read_peft_plan(const std::filesystem::path& folder) {
  StoredTensors tensors(folder / kWeightFile);
  model::LlamaConfig model;
  model.layers = layers_named(tensors);
  LoraPlan plan = read_peft_config(folder / kConfigFile, model);
  expect_factors(tensors, plan, [&](std::int64_t layer, model::Linear linear) {
    return model::LinearShape{tensors.rows(stored_name(tensors, layer, linear, 'B')),
                              tensors.columns(stored_name(tensors, layer, linear, 'A'))};
  });
  return plan;
}

}  // namespace routedk::experts
