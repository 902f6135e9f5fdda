#include "routedk/experts/router_file.h"

#include "routedk/core/files.h"

#include <set>

#include "json_fields.h"
#include "stored_tensors.h"
#include <fmt/format.h>

namespace routedk::experts {
namespace {

constexpr const char* kConfigFile = "router_config.json";
constexpr const char* kWeightFile = "router.safetensors";

std::string weight_name(std::int64_t layer) {
  return fmt::format("router.{}.weight", layer);
}
std::string bias_name(std::int64_t layer) {
  return fmt::format("router.{}.bias", layer);
}

/// The keys with one supported value each, which is also what a missing key means.
const io::Json& supported() {
  static const io::Json values = {{"scale", "softmax"}, {"granularity", "layer"}, {"temperature", 1.0},
                                  {"pool", "mean"},     {"pool_span", "prompt"},  {"pool_norm", "none"},
                                  {"top_k", 0}};
  return values;
}

std::vector<std::string> read_experts(const JsonFields& fields) {
  const io::Json& names = fields["experts"];
  fields.require(names.is_array() && !names.empty(), "experts", "a list of at least one name");
  std::set<std::string> seen;
  std::vector<std::string> experts;
  for (const io::Json& name : names) {
    fields.require(name.is_string() && seen.insert(name.get<std::string>()).second, "experts",
                   "a list of different names");
    experts.push_back(name.get<std::string>());
  }
  return experts;
}

std::vector<std::string> read_config(const std::filesystem::path& path) {
  const JsonFields fields(path);
  for (const auto& [key, value] : fields.all().items()) {
    if (supported().contains(key)) {
      fields.require(value == supported()[key], key, supported()[key].dump() + ", the one supported value");
    } else if (key == "model") {
      fields.require(value.is_object(), key, "an object");
    } else {
      fields.require(key == "experts", key, "absent, being no field of a router");
    }
  }
  return read_experts(fields);
}

}  // namespace

void save_router(const RouterGate& gate, const std::vector<std::string>& experts,
                 const std::filesystem::path& folder) {
  std::vector<io::TensorView> views;
  for (std::int64_t layer = 0; layer < gate.layers(); ++layer) {
    views.push_back(quant::to_view(weight_name(layer), gate.weight(layer)));
    views.push_back(quant::to_view(bias_name(layer), gate.bias(layer)));
  }
  io::Json config = {{"experts", experts}};
  config.update(supported());
  config["model"] = {{"num_hidden_layers", gate.layers()}, {"hidden_size", gate.weight(0).size(1)}};
  FolderWriter writer(folder);
  io::write_safetensors(writer.path() / kWeightFile, views);
  io::write_json(writer.path() / kConfigFile, config);
  writer.commit();
}

NamedRouter load_router(const std::filesystem::path& folder, const model::LlamaConfig& model) {
  std::vector<std::string> experts = read_config(folder / kConfigFile);
  const auto count = static_cast<std::int64_t>(experts.size());
  StoredTensors tensors(folder / kWeightFile);
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    tensors.expect(weight_name(layer), {count, model.hidden});
    tensors.expect(bias_name(layer), {count});
  }
  tensors.finish();
  RouterGate gate(model.layers, model.hidden, count);
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    tensors.read(weight_name(layer), gate.weight(layer));
    tensors.read(bias_name(layer), gate.bias(layer));
  }
  return {std::move(gate), std::move(experts)};
}

}  // namespace routedk::experts
