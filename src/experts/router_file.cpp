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

constexpr const char* kConfigFile = "router_config.json";
constexpr const char* kWeightFile = "router.safetensors";

/// "router.3." or "router.global."
std::string prefix(const RouterOptions& options, std::int64_t layer) {
  return options.global ? "router.global." : fmt::format("router.{}.", layer);
}

/// How many layers have a W and b of their own.
std::int64_t own_layers(const RouterOptions& options, std::int64_t layers) {
  return options.global ? 1 : layers;
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

/// One of two names; `fallback` where the key is missing. True for `other`.
bool read_choice(const JsonFields& fields, const std::string& key, const char* fallback, const char* other) {
  const io::Json& value = fields[key];
  fields.require(value.is_null() || value == fallback || value == other, key,
                 fmt::format(R"("{}" or "{}")", fallback, other));
  return value == other;
}

void check_keys(const JsonFields& fields) {
  static const std::set<std::string> known = {"experts",   "scale",     "granularity", "temperature", "pool",
                                              "pool_span", "pool_norm", "top_k",       "model"};
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
  options.global = read_choice(fields, "granularity", "layer", "global");
  options.k_softmax = read_choice(fields, "scale", "softmax", "k_softmax");
  options.rms_pool = read_choice(fields, "pool_norm", "none", "rms");
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
  return options;
}

}  // namespace

void save_router(const RouterGate& gate, const std::vector<std::string>& experts,
                 const std::filesystem::path& folder) {
  const RouterOptions& options = gate.options();
  std::vector<io::TensorView> views;
  for (std::int64_t layer = 0; layer < own_layers(options, gate.layers()); ++layer) {
    if (!options.constant) {
      views.push_back(quant::to_view(prefix(options, layer) + "weight", gate.weight(layer)));
    }
    views.push_back(quant::to_view(prefix(options, layer) + "bias", gate.bias(layer)));
  }
  const io::Json config = {{"experts", experts},
                           {"scale", options.k_softmax ? "k_softmax" : "softmax"},
                           {"granularity", options.global ? "global" : "layer"},
                           {"temperature", options.temperature},
                           {"pool", "mean"},
                           {"pool_span", "prompt"},
                           {"pool_norm", options.rms_pool ? "rms" : "none"},
                           {"top_k", options.top_k},
                           {"model", {{"num_hidden_layers", gate.layers()}, {"hidden_size", gate.hidden()}}}};
  FolderWriter writer(folder);
  io::write_safetensors(writer.path() / kWeightFile, views);
  io::write_json(writer.path() / kConfigFile, config);
  writer.commit();
}

NamedRouter load_router(const std::filesystem::path& folder, const model::LlamaConfig& model) {
  const JsonFields fields(folder / kConfigFile);
  check_keys(fields);
  std::vector<std::string> experts = read_experts(fields);
  RouterOptions options = read_options(fields, experts.size());
  const auto count = static_cast<std::int64_t>(experts.size());
  StoredTensors tensors(folder / kWeightFile);
  options.constant = !tensors.has(prefix(options, 0) + "weight");
  for (std::int64_t layer = 0; layer < own_layers(options, model.layers); ++layer) {
    if (!options.constant) {
      tensors.expect(prefix(options, layer) + "weight", {count, model.hidden});
    }
    tensors.expect(prefix(options, layer) + "bias", {count});
  }
  tensors.finish();
  RouterGate gate(model.layers, model.hidden, count, options);
  for (std::int64_t layer = 0; layer < own_layers(options, model.layers); ++layer) {
    if (!options.constant) {
      tensors.read(prefix(options, layer) + "weight", gate.weight(layer));
    }
    tensors.read(prefix(options, layer) + "bias", gate.bias(layer));
  }
  return {std::move(gate), std::move(experts)};
}

}  // namespace routedk::experts
