#include "routedk/experts/peft.h"

#include "routedk/core/files.h"

#include <algorithm>
#include <set>

#include "json_fields.h"
#include "stored_tensors.h"
#include <fmt/format.h>

namespace routedk::experts {
namespace {

constexpr const char* kConfigFile = "adapter_config.json";
constexpr const char* kWeightFile = "adapter_model.safetensors";

/// The linear's name in the model's module tree.
std::string module_name(std::int64_t layer, model::Linear linear) {
  return fmt::format("model.layers.{}.{}", layer, model::linear_module(linear));
}

std::string factor_name(std::int64_t layer, model::Linear linear, char factor) {
  return fmt::format("base_model.model.{}.lora_{}.weight", module_name(layer, linear), factor);
}

/// "q_proj" of "self_attn.q_proj".
std::string last_part(model::Linear linear) {
  const std::string module = model::linear_module(linear);
  return module.substr(module.rfind('.') + 1);
}

io::Json config_json(const LoraConfig& config, const std::string& base_model) {
  io::Json targets = io::Json::array();
  for (const model::Linear linear : config.targets) {
    targets.push_back(last_part(linear));
  }
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base_model},
          {"inference_mode", true},
          {"r", config.rank},
          {"lora_alpha", config.alpha},
          {"lora_dropout", 0.0},
          {"use_rslora", config.rank_stabilised},
          {"target_modules", targets},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"init_lora_weights", true},
          {"modules_to_save", nullptr},
          {"use_dora", false}};
}

/// Whether PEFT's suffix rule takes `module` for `target`.
bool names(const std::string& target, const std::string& module) {
  return module == target || module.ends_with("." + target);
}

/// The linears that `target` names in every layer.
std::set<model::Linear> linears_of(const std::string& target, const JsonFields& fields,
                                   const model::LlamaConfig& model) {
  std::set<model::Linear> found;
  for (int i = 0; i < model::kLinears; ++i) {
    const auto linear = static_cast<model::Linear>(i);
    std::int64_t layers = 0;
    for (std::int64_t layer = 0; layer < model.layers; ++layer) {
      layers += names(target, module_name(layer, linear)) ? 1 : 0;
    }
    fields.require(layers == 0 || layers == model.layers, "target_modules",
                   "the same linears in every layer");
    if (layers > 0) {
      found.insert(linear);
    }
  }
  fields.require(!found.empty(), "target_modules",
                 fmt::format("linears of the model, which `{}` is not", target));
  return found;
}

std::vector<model::Linear> read_targets(const JsonFields& fields, const model::LlamaConfig& model) {
  const io::Json& targets = fields["target_modules"];
  fields.require(targets.is_array() && !targets.empty(), "target_modules",
                 "a list of at least one module name");
  std::set<model::Linear> all;
  for (const io::Json& target : targets) {
    fields.require(target.is_string() && !target.get<std::string>().empty(), "target_modules",
                   "a list of module names");
    all.merge(linears_of(target.get<std::string>(), fields, model));
  }
  return {all.begin(), all.end()};
}

/// Fields that say nothing about what the adapter computes, or are read elsewhere.
bool is_informative(const std::string& key) {
  static const std::set<std::string> keys = {"r",
                                             "lora_alpha",
                                             "use_rslora",
                                             "target_modules",
                                             "auto_mapping",
                                             "base_model_name_or_path",
                                             "inference_mode",
                                             "lora_dropout",
                                             "megatron_core",
                                             "peft_version",
                                             "qalora_group_size",
                                             "revision"};
  return keys.contains(key);
}

void check_other_fields(const JsonFields& fields) {
  for (const auto& [key, value] : fields.all().items()) {
    if (key == "peft_type") {
      fields.require(value == "LORA", key, "\"LORA\"");
    } else if (key == "task_type") {
      fields.require(value == "CAUSAL_LM" || value.is_null(), key, "\"CAUSAL_LM\"");
    } else if (key == "bias") {
      fields.require(value == "none", key, "\"none\"");
    } else if (key == "init_lora_weights") {  // the named ones of these also change the backbone
      fields.require(value.is_boolean() || value == "gaussian", key, "true, false or \"gaussian\"");
    } else if (!is_informative(key)) {
      const bool empty = (value.is_object() || value.is_array()) && value.empty();
      fields.require(value.is_null() || value == false || empty, key, "absent, null, false or empty");
    }
  }
}

LoraConfig read_config(const std::filesystem::path& path, const model::LlamaConfig& model) {
  const JsonFields fields(path);
  fields.require(fields["peft_type"].is_string(), "peft_type", "\"LORA\"");
  check_other_fields(fields);
  const io::Json& rank = fields["r"];
  const io::Json& alpha = fields["lora_alpha"];
  const io::Json& stabilised = fields["use_rslora"];
  fields.require(rank.is_number_integer() && rank.get<std::int64_t>() > 0, "r", "an integer of at least 1");
  fields.require(alpha.is_number() && alpha.get<double>() > 0, "lora_alpha", "a positive number");
  fields.require(stabilised.is_null() || stabilised.is_boolean(), "use_rslora", "true or false");
  return {rank.get<std::int64_t>(), alpha.get<double>(), stabilised == true, read_targets(fields, model)};
}

/// Calls visit(layer, linear) for every adapted linear.
template <typename Visit>
void for_each_linear(std::int64_t layers, const LoraConfig& config, const Visit& visit) {
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    for (const model::Linear linear : config.targets) {
      visit(layer, linear);
    }
  }
}

}  // namespace

void save_peft(const Expert& expert, const std::filesystem::path& folder, const std::string& base_model) {
  std::vector<at::Tensor> owned;  // what the views look at
  std::vector<io::TensorView> views;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    owned.push_back(tensor.detach().contiguous());
    views.push_back(quant::to_view(name, owned.back()));
  };
  for_each_linear(expert.layers(), expert.config(), [&](std::int64_t layer, model::Linear linear) {
    const LoraFactors& f = expert.factors(layer, linear);
    add(factor_name(layer, linear, 'A'), f.a);
    add(factor_name(layer, linear, 'B'), f.bt.t());
  });
  FolderWriter writer(folder);
  io::write_safetensors(writer.path() / kWeightFile, views, {{"format", "pt"}});
  io::write_json(writer.path() / kConfigFile, config_json(expert.config(), base_model));
  writer.commit();
}

Expert load_peft(const std::filesystem::path& folder, const std::string& name,
                 const model::LlamaConfig& model) {
  const LoraConfig config = read_config(folder / kConfigFile, model);
  StoredTensors tensors(folder / kWeightFile);
  for_each_linear(model.layers, config, [&](std::int64_t layer, model::Linear linear) {
    const model::LinearShape shape = linear_shape(model, linear);
    tensors.expect(factor_name(layer, linear, 'A'), {config.rank, shape.in});
    tensors.expect(factor_name(layer, linear, 'B'), {shape.out, config.rank});
  });
  tensors.finish();
  Expert expert(name, model, config);
  for_each_linear(model.layers, config, [&](std::int64_t layer, model::Linear linear) {
    const LoraFactors& f = expert.factors(layer, linear);
    tensors.read(factor_name(layer, linear, 'A'), f.a);
    tensors.read(factor_name(layer, linear, 'B'), f.bt.t());
  });
  return expert;
}

}  // namespace routedk::experts
