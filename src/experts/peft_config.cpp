#include "peft_config.h"

#include "routedk/io/json_field.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "module_names.h"
#include "peft_targets.h"
#include "value_patterns.h"

namespace routedk::experts {
namespace {

bool is_rank(const io::Json& value) {
  return value.is_number_integer() && value > 0;
}

bool is_alpha(const io::Json& value) {
  return value.is_number() && value.get<double>() > 0 && std::isfinite(value.get<double>());
}

/// Fields that do not affect the adapter's result, or are read elsewhere.
bool is_informative(const std::string& key) {
  static const std::set<std::string> keys = {"r",
                                             "lora_alpha",
                                             "use_rslora",
                                             "rank_pattern",
                                             "alpha_pattern",
                                             "target_modules",
                                             "exclude_modules",
                                             "layers_to_transform",
                                             "layers_pattern",
                                             "auto_mapping",  // which Python class to load
                                             "base_model_name_or_path",
                                             "inference_mode",
                                             "lora_dropout",  // training only
                                             "peft_version",
                                             "revision"};
  return keys.contains(key);
}

/// Fields whose default is neither absent, null, false nor empty.
const io::Json& other_defaults() {
  static const io::Json defaults = {{"bias", "none"},
                                    {"megatron_core", "megatron.core"},
                                    {"peft_type", "LORA"},
                                    {"qalora_group_size", 16},
                                    {"task_type", "CAUSAL_LM"}};
  return defaults;
}

/// Initialisations that leave the backbone unchanged: the factors in the file are complete.
constexpr std::array<std::string_view, 4> kHarmlessInits{"gaussian", "orthogonal", "eva", "mica"};

/// LoftQ also changes the backbone: its factors fit only the one written with them.
bool is_loftq_base(const io::JsonField& config) {
  std::string base = config["base_model_name_or_path"].text_or("");
  std::ranges::transform(base, base.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return base.find("loftq") != std::string::npos;
}

void check_initialisation(const io::JsonField& config) {
  const io::JsonField init = config["init_lora_weights"];
  const bool harmless =
      init.absent() || init.value().is_boolean() ||
      std::ranges::any_of(kHarmlessInits, [&](std::string_view name) { return init.is(name); });
  if (init.is("loftq")) {
    init.require(is_loftq_base(config),
                 "come with a `base_model_name_or_path` that names a backbone written by LoftQ");
    return;
  }
  init.require(
      harmless,
      R"(be true, false, "gaussian", "orthogonal", "eva" or "mica" (others change the backbone, too))");
}

/// Arguments of an initialisation, if that one is in use.
bool tells_of_init(const std::string& key, const io::JsonField& config) {
  const io::JsonField init = config["init_lora_weights"];
  return (key == "eva_config" && init.is("eva")) || (key == "loftq_config" && init.is("loftq"));
}

void check_other_fields(const io::JsonField& config) {
  config["peft_type"].choice({"LORA"});
  for (const auto& [key, value] : config.value().items()) {
    const bool nothing = value.is_null() || value == false || (value.is_structured() && value.empty());
    if (other_defaults().contains(key)) {
      config[key].require(value.is_null() || value == other_defaults()[key],
                          "be " + other_defaults()[key].dump());
    } else if (key == "init_lora_weights") {
      check_initialisation(config);
    } else if (!is_informative(key) && !tells_of_init(key, config)) {
      config[key].require(nothing, "be absent, null, false or empty");
    }
  }
}

}  // namespace

LoraPlan read_peft_config(const std::filesystem::path& path, const model::LlamaConfig& model) {
  const io::JsonField config = io::read_json_field(path);
  check_other_fields(config);
  const std::int64_t rank = config["r"].integer(1);
  const double alpha = config["lora_alpha"].real();
  config["lora_alpha"].require(alpha > 0, "be a positive number");
  LoraPlan plan(model, config["use_rslora"].boolean(false));
  ValuePatterns ranks(config["rank_pattern"], plan.sizes.size());
  ValuePatterns alphas(config["alpha_pattern"], plan.sizes.size());
  std::vector<std::pair<LoraSize*, std::string>> targets;
  for_each_target(config, model, [&](std::int64_t layer, model::Linear linear) {
    targets.emplace_back(&plan.at(layer, linear), model::module_name(layer, linear));
  });
  std::vector<std::pair<const io::Json*, const io::Json*>> found;
  found.reserve(targets.size());
  for (const auto& [size, module] : targets) {
    found.emplace_back(ranks.find(module), alphas.find(module));
  }
  ranks.check(is_rank, "have integers of at least 1");
  alphas.check(is_alpha, "have positive numbers");
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto [own_rank, own_alpha] = found[i];
    *targets[i].first = {own_rank ? own_rank->get<std::int64_t>() : rank,
                         own_alpha ? own_alpha->get<double>() : alpha};
  }
  return plan;
}

}  // namespace routedk::experts
