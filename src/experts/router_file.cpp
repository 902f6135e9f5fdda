#include "routedk/experts/router_file.h"

#include "routedk/core/files.h"

#include <cmath>
#include <set>
#include <utility>

#include "json_fields.h"
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

/// What the file holds, in the order of the gate's parameters.
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

/// `fallback` where the key is missing.
template <NamedEnum E>
E read_choice(const JsonFields& fields, const std::string& key, E fallback) {
  const io::Json& value = fields[key];
  const auto found = value.is_string() ? find_enum<E>(value.get<std::string>()) : std::nullopt;
  fields.require(value.is_null() || found, key, "one of " + enum_list<E>());
  return found.value_or(fallback);
}

void check_keys(const JsonFields& fields) {
  static const std::set<std::string> known = {"experts",   "scale",     "granularity", "temperature",
                                              "pool",      "pool_span", "pool_norm",   "top_k",
                                              "threshold", "model"};
  for (const auto& [key, value] : fields.all().items()) {
    fields.require(known.contains(key), key, "absent, being no field of a router");
  }
  fields.require(fields["model"].is_null() || fields["model"].is_object(), "model", "an object");
  for (const auto& [key, supported] : {std::pair("pool", "mean"), {"pool_span", "prompt"}}) {
    fields.require(fields[key].is_null() || fields[key] == supported, key,
                   fmt::format("\"{}\", the one supported value", supported));
  }
}

RouterOptions read_options(const JsonFields& fields, std::size_t experts) {
  RouterOptions options;
  options.granularity = read_choice(fields, "granularity", options.granularity);
  options.scale = read_choice(fields, "scale", options.scale);
  options.pool_norm = read_choice(fields, "pool_norm", options.pool_norm);
  if (const io::Json& value = fields["temperature"]; !value.is_null()) {
    fields.require(value.is_number() && value.get<double>() > 0 && std::isfinite(value.get<double>()),
                   "temperature", "a positive number");
    options.temperature = value.get<double>();
  }
  if (const io::Json& value = fields["top_k"]; !value.is_null()) {
    fields.require(value.is_number_integer() && value >= 0 && value <= experts, "top_k",
                   fmt::format("from 0 to the {} experts", experts));
    options.top_k = value.get<std::int64_t>();
  }
  if (const io::Json& value = fields["threshold"]; !value.is_null()) {
    fields.require(value.is_number() && value >= 0 && value <= 1, "threshold", "from 0 to 1");
    options.threshold = value.get<double>();
  }
  return options;
}

}  // namespace

void save_router(const RouterGate& gate, const std::vector<std::string>& experts,
                 const std::filesystem::path& folder) {
  const RouterOptions& options = gate.options();
  const std::vector<NamedShape> names = stored(options, gate.layers(), gate.hidden(), gate.bias(0).size(0));
  std::vector<io::TensorView> views;
  for (std::size_t i = 0; i < names.size(); ++i) {
    views.push_back(quant::to_view(names[i].name, gate.parameters().leaves()[i]));
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
  const JsonFields fields(folder / kRouterConfigFile);
  check_keys(fields);
  std::vector<std::string> experts = read_experts(fields);
  RouterOptions options = read_options(fields, experts.size());
  const auto count = static_cast<std::int64_t>(experts.size());
  StoredTensors tensors(folder / kRouterWeightFile);
  if (!tensors.has(options.is_global() ? "router.global.weight" : "router.0.weight")) {
    options.kind = RouterKind::kStatic;
  }
  fields.require(!options.is_static() || options.pool_norm == PoolNorm::kNone, "pool_norm",
                 "\"none\" where no weight is stored");
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
