#include "routedk/core/error.h"

#include <algorithm>
#include <map>
#include <vector>

#include "module_names.h"
#include "peft_config.h"

namespace routedk::experts {
namespace {

/// The most common value among adapted linears; ties: the smallest.
template <typename Value>
Value commonest(const std::vector<Value>& values) {
  std::map<Value, std::size_t> counts;
  for (const Value value : values) {
    ++counts[value];
  }
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

/// Last parts of names if every layer adapts the same linears, otherwise full names.
std::vector<std::string> target_names(const Expert& expert) {
  std::vector<std::string> parts;
  std::vector<std::string> modules;
  bool uniform = true;
  expert.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors&) {
    modules.push_back(model::module_name(layer, linear));
    if (layer == 0) {
      parts.emplace_back(name_of(linear));
    }
    uniform = uniform && expert.factors(0, linear).a.defined();
  });
  const std::size_t whole = parts.size() * static_cast<std::size_t>(expert.layers());
  return uniform && modules.size() == whole ? parts : modules;
}

}  // namespace

io::Json peft_config_json(const Expert& expert, const std::string& base_model) {
  std::vector<std::int64_t> ranks;
  std::vector<double> alphas;
  expert.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors&) {
    ranks.push_back(expert.plan().at(layer, linear).rank);
    alphas.push_back(expert.plan().at(layer, linear).alpha);
  });
  if (ranks.empty()) {
    throw_<ConfigError>("an expert must adapt at least 1 linear to be saved, but `{}` adapts 0 instead",
                        expert.name());
  }
  const std::int64_t rank = commonest(ranks);
  const double alpha = commonest(alphas);
  io::Json rank_pattern = io::Json::object();
  io::Json alpha_pattern = io::Json::object();
  expert.for_each([&](std::int64_t layer, model::Linear linear, const LoraFactors&) {
    const LoraSize& size = expert.plan().at(layer, linear);
    if (size.rank != rank) {
      rank_pattern[model::module_name(layer, linear)] = size.rank;
    }
    if (size.alpha != alpha) {
      alpha_pattern[model::module_name(layer, linear)] = size.alpha;
    }
  });
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base_model},
          {"inference_mode", true},
          {"r", rank},
          {"lora_alpha", alpha},
          {"lora_dropout", 0.0},
          {"use_rslora", expert.plan().rank_stabilised},
          {"rank_pattern", rank_pattern},
          {"alpha_pattern", alpha_pattern},
          {"target_modules", target_names(expert)},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"init_lora_weights", true},
          {"modules_to_save", nullptr},
          {"use_dora", false}};
}

}  // namespace routedk::experts
