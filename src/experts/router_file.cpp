#include "routedk/experts/router_file.h"

#include "routedk/core/files.h"
#include "routedk/io/json_field.h"

#include <set>
#include <utility>

#include "stored_tensors.h"
#include <fmt/format.h>

namespace routedk::experts {
namespace {

constexpr const char* kRouterConfigFile = "router_config.json";
constexpr const char* kRouterWeightFile = "router.safetensors";

struct NamedShape {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// The file's tensors, in the order of the gate's parameters.
std::vector<NamedShape> stored(const RouterOptions& options, std::int64_t layers, std::int64_t hidden,
                               std::int64_t experts) {
  std::vector<NamedShape> all;
  for (std::int64_t layer = 0; layer < (options.is_global() ? 1 : layers); ++layer) {
    const std::string prefix = options.is_global() ? "router.global." : fmt::format("router.{}.", layer);
    if (!options.is_static()) {
      all.push_back({prefix + "weight", {experts, hidden}});
    }
    all.push_back({prefix + "bias", {experts}});
  }
  return all;
}

std::vector<std::string> read_experts(const io::JsonField& field) {
  std::vector<std::string> experts = field.texts();
  field.require(!experts.empty(), "be a list of at least one name");
  field.require(std::set<std::string>(experts.begin(), experts.end()).size() == experts.size(),
                "be a list of different names");
  return experts;
}

/// `fallback` if the key is missing.
template <NamedEnum E>
E read_choice(const io::JsonField& field, E fallback) {
  if (field.absent()) {
    return fallback;
  }
  const auto found = field.value().is_string() ? find_enum<E>(field.text()) : std::nullopt;
  field.require(found.has_value(), "be one of " + enum_list<E>());
  return *found;
}

void check_keys(const io::JsonField& config) {
  config.allow_only({"experts", "scale", "granularity", "temperature", "pool", "pool_span", "pool_norm",
                     "top_k", "threshold", "model"});
  config["model"].require(config["model"].absent() || config["model"].value().is_object(), "be an object");
  for (const auto& [key, supported] : {std::pair("pool", "mean"), {"pool_span", "prompt"}}) {
    config[key].require(config[key].absent() || config[key].is(supported),
                        fmt::format("be \"{}\", the one supported value", supported));
  }
}

RouterOptions read_options(const io::JsonField& config, std::size_t experts) {
  RouterOptions options;
  options.granularity = read_choice(config["granularity"], options.granularity);
  options.scale = read_choice(config["scale"], options.scale);
  options.pool_norm = read_choice(config["pool_norm"], options.pool_norm);
  options.temperature = config["temperature"].real_or(options.temperature);
  config["temperature"].require(options.temperature > 0, "be a positive number");
  if (const io::JsonField field = config["top_k"]; !field.absent()) {
    options.top_k = field.integer(0, static_cast<std::int64_t>(experts));
  }
  if (const io::JsonField field = config["threshold"]; !field.absent()) {
    options.threshold = field.real(0, 1);
  }
  return options;
}

}  // namespace

void save_router(const RouterGate& gate, const std::vector<std::string>& experts,
                 const std::filesystem::path& folder) {
  const RouterOptions& options = gate.options();
  const std::vector<NamedShape> names = stored(options, gate.layers(), gate.hidden(), gate.bias(0).size(0));
  std::vector<at::Tensor> owned;  // keeps the tensors of the views alive
  std::vector<io::TensorView> views;
  for (std::size_t i = 0; i < names.size(); ++i) {
    owned.push_back(gate.parameters().leaves()[i].detach().to(at::kCPU));
    views.push_back(quant::to_view(names[i].name, owned.back()));
  }
  const io::Json config = {{"experts", experts},
                           {"scale", name_of(options.scale)},
                           {"granularity", name_of(options.granularity)},
                           {"temperature", options.temperature},
                           {"pool", "mean"},
                           {"pool_span", "prompt"},
                           {"pool_norm", name_of(options.pool_norm)},
                           {"top_k", options.top_k},
                           {"threshold", options.threshold},
                           {"model", {{"num_hidden_layers", gate.layers()}, {"hidden_size", gate.hidden()}}}};
  FolderWriter writer(folder);
  io::write_safetensors(writer.path() / kRouterWeightFile, views);
  io::write_json(writer.path() / kRouterConfigFile, config);
  writer.commit();
}

NamedRouter load_router(const std::filesystem::path& folder, const model::LlamaConfig& model) {
  const io::JsonField config = io::read_json_field(folder / kRouterConfigFile);
  check_keys(config);
  std::vector<std::string> experts = read_experts(config["experts"]);
  RouterOptions options = read_options(config, experts.size());
  const auto count = static_cast<std::int64_t>(experts.size());
  StoredTensors tensors(folder / kRouterWeightFile);
  if (!tensors.has(options.is_global() ? "router.global.weight" : "router.0.weight")) {
    options.kind = RouterKind::kStatic;
  }
  config["pool_norm"].require(!options.is_static() || options.pool_norm == PoolNorm::kNone,
                              "be \"none\" where no weight is stored");
  const std::vector<NamedShape> names = stored(options, model.layers, model.hidden, count);
  for (const NamedShape& tensor : names) {
    tensors.expect(tensor.name, tensor.shape);
  }
  tensors.finish();
  RouterGate gate(model.layers, model.hidden, count, options);
  for (std::size_t i = 0; i < names.size(); ++i) {
    tensors.read(names[i].name, gate.parameters().leaves()[i]);
  }
  return {std::move(gate), std::move(experts)};
}

}  // namespace routedk::experts
