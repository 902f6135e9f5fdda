#include "routedk/experts/peft.h"

#include "routedk/core/files.h"

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

/// FileError unless the file has exactly the factors of the plan, in their shapes.
void expect_factors(StoredTensors& tensors, const LoraPlan& plan, const model::LlamaConfig& model) {
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    for (int i = 0; i < model::kLinears; ++i) {
      const auto linear = static_cast<model::Linear>(i);
      const std::int64_t rank = plan.at(layer, linear).rank;
      const model::LinearShape shape = linear_shape(model, linear);
      if (rank > 0) {
        tensors.expect(stored_name(tensors, layer, linear, 'A'), {rank, shape.in});
        tensors.expect(stored_name(tensors, layer, linear, 'B'), {shape.out, rank});
      }
    }
  }
  tensors.finish();
}

}  // namespace

void save_peft(const Expert& expert, const std::filesystem::path& folder, const std::string& base_model) {
  std::vector<at::Tensor> owned;  // keeps the tensors of the views alive
  std::vector<io::TensorView> views;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    owned.push_back(tensor.detach().to(at::kCPU).contiguous());
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
  expect_factors(tensors, plan, model);
  Expert expert(name, model, plan);
  expert.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors& f) {
    tensors.read(stored_name(tensors, layer, linear, 'A'), f.a);
    tensors.read(stored_name(tensors, layer, linear, 'B'), f.bt.t());
  });
  return expert;
}

}  // namespace routedk::experts
