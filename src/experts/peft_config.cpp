#include "peft_config.h"

#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "json_fields.h"
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

/// Fields that say nothing about what the adapter computes, or are read elsewhere.
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

void check_other_fields(const JsonFields& fields) {
  fields.require(fields["peft_type"].is_string(), "peft_type", "\"LORA\"");
  for (const auto& [key, value] : fields.all().items()) {
    const bool nothing = value.is_null() || value == false || (value.is_structured() && value.empty());
    if (other_defaults().contains(key)) {
      fields.require(value.is_null() || value == other_defaults()[key], key, other_defaults()[key].dump());
    } else if (key == "init_lora_weights") {  // the other ones also change the backbone
      fields.require(value.is_boolean() || value == "gaussian" || value == "orthogonal", key,
                     R"(true, false, "gaussian" or "orthogonal")");
    } else if (!is_informative(key)) {
      fields.require(nothing, key, "absent, null, false or empty");
    }
  }
}

}  // namespace

LoraPlan read_peft_config(const std::filesystem::path& path, const model::LlamaConfig& model) {
  const JsonFields fields(path);
  check_other_fields(fields);
  const io::Json& rank = fields["r"];
  const io::Json& alpha = fields["lora_alpha"];
  const io::Json& stabilised = fields["use_rslora"];
  fields.require(is_rank(rank), "r", "an integer of at least 1");
  fields.require(is_alpha(alpha), "lora_alpha", "a positive number");
  fields.require(stabilised.is_null() || stabilised.is_boolean(), "use_rslora", "true or false");
  LoraPlan plan(model, stabilised == true);
  ValuePatterns ranks(fields, "rank_pattern", plan.sizes.size());
  ValuePatterns alphas(fields, "alpha_pattern", plan.sizes.size());
  std::vector<std::pair<LoraSize*, std::string>> targets;
  for_each_target(fields, model, [&](std::int64_t layer, model::Linear linear) {
    targets.emplace_back(&plan.at(layer, linear), model::module_name(layer, linear));
  });
  std::vector<std::pair<const io::Json*, const io::Json*>> found;
  found.reserve(targets.size());
  for (const auto& [size, module] : targets) {
    found.emplace_back(ranks.find(module), alphas.find(module));
  }
  ranks.check(is_rank, "integers of at least 1");
  alphas.check(is_alpha, "positive numbers");
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto [own_rank, own_alpha] = found[i];
    *targets[i].first = {(own_rank ? *own_rank : rank).get<std::int64_t>(),
                         (own_alpha ? *own_alpha : alpha).get<double>()};
  }
  return plan;
}

}  // namespace routedk::experts
