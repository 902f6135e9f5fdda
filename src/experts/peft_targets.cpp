#include "peft_targets.h"

#include <algorithm>
#include <charconv>

#include "module_names.h"
#include <fmt/format.h>

namespace routedk::experts {
namespace {

constexpr std::size_t kMaxNames = 10'000;

/// PEFT reads nothing, null, "" and [] alike where a field is optional.
bool is_given(const io::Json& value) {
  const bool blank = value.is_string() && value.get_ref<const std::string&>().empty();
  return !(value.is_null() || blank || (value.is_array() && value.empty()));
}

bool is_all_linear(const io::Json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : "";
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text == "all-linear";
}

std::optional<std::int64_t> to_layer(const std::optional<std::string>& digits) {
  std::int64_t layer = 0;
  if (!digits || std::from_chars(digits->data(), digits->data() + digits->size(), layer).ec != std::errc()) {
    return std::nullopt;
  }
  return layer;
}

/// Everything that decides about one module.
struct Choice {
  std::optional<ModuleSet> targets;  // nothing: all-linear
  std::optional<ModuleSet> excluded;
  LayerFilter layers;

  bool contains(const std::string& module) const {
    if (excluded && excluded->contains(module)) {
      return false;
    }
    return !targets || targets->spells_out(module) || (targets->contains(module) && layers.contains(module));
  }
};

Choice read_choice(const JsonFields& fields, const model::LlamaConfig& model) {
  std::optional<ModuleSet> targets;
  std::optional<ModuleSet> excluded;
  if (!is_all_linear(fields["target_modules"])) {
    targets.emplace(fields, "target_modules");
  }
  if (is_given(fields["exclude_modules"])) {
    excluded.emplace(fields, "exclude_modules");
  }
  return {std::move(targets), std::move(excluded), LayerFilter(fields, model)};
}

/// A name in the list that no linear bears reaches nothing, or something that is not adapted here.
void check_names(const JsonFields& fields, const ModuleSet& targets, const std::set<std::string>& linears) {
  for (const std::string& name : targets.names()) {
    const bool hit = std::any_of(linears.begin(), linears.end(), [&](const std::string& linear) {
      return linear == name || linear.ends_with("." + name);
    });
    fields.require_of(hit, "target_modules", "names of linears in the model's layers", name);
  }
}

void check_others(const JsonFields& fields, const Choice& choice, const model::LlamaConfig& model) {
  for (const std::string& module : other_modules(model)) {
    fields.require_of(!choice.targets || !choice.contains(module), "target_modules",
                      "a choice of linears in the model's layers", module);
  }
}

}  // namespace

ModuleSet::ModuleSet(const JsonFields& fields, const std::string& key) {
  const io::Json& value = fields[key];
  if (value.is_string()) {
    fields.require(!value.get_ref<const std::string&>().empty(), key, "a pattern or a list of module names");
    pattern_.emplace(value.get<std::string>(), value.get<std::string>(), fields.place(key));
    return;
  }
  fields.require(value.is_array() && !value.empty() && value.size() <= kMaxNames, key,
                 "a pattern or a list of module names");
  for (const io::Json& name : value) {
    fields.require(name.is_string() && !name.get_ref<const std::string&>().empty(), key,
                   "a pattern or a list of module names");
    names_.insert(name.get<std::string>());
  }
}

bool ModuleSet::contains(const std::string& module) const {
  if (pattern_) {
    return pattern_->matches_all(module);
  }
  for (std::size_t begin = 0;; ++begin) {  // the whole name, then what follows each dot
    if (names_.contains(module.substr(begin))) {
      return true;
    }
    begin = module.find('.', begin);
    if (begin == std::string::npos) {
      return false;
    }
  }
}

LayerFilter::LayerFilter(const JsonFields& fields, const model::LlamaConfig& model) {
  const io::Json& layers = fields["layers_to_transform"];
  const io::Json& pattern = fields["layers_pattern"];
  const bool by_pattern = fields["target_modules"].is_string();
  fields.require(layers.is_null() || !by_pattern, "layers_to_transform",
                 "absent beside a pattern of targets");
  fields.require(pattern.is_null() || !by_pattern, "layers_pattern", "absent beside a pattern of targets");
  fields.require(!layers.is_null() || !is_given(pattern), "layers_pattern",
                 "absent without `layers_to_transform`");
  if (!is_given(layers)) {
    return;
  }
  const std::string rule = fmt::format("layers from 0 to {}", model.layers - 1);
  layers_.emplace();
  for (const io::Json& layer : layers.is_array() ? layers : io::Json::array({layers})) {
    fields.require(layer.is_number_integer() && layer >= 0 && layer < model.layers, "layers_to_transform",
                   rule);
    layers_->insert(layer.get<std::int64_t>());
  }
  if (!is_given(pattern)) {
    patterns_.emplace_back(R"(.*?\.[^.]*\.(?P<idx>\d+)\.)", "", fields.place("layers_pattern"));
    return;
  }
  const io::Json list = pattern.is_array() ? pattern : io::Json::array({pattern});
  fields.require(list.size() <= 100, "layers_pattern", "at most 100 patterns");
  for (const io::Json& one : list) {
    fields.require(one.is_string(), "layers_pattern", "a pattern or a list of patterns");
    const auto text = one.get<std::string>();
    patterns_.emplace_back("(?:^|.*?\\.)" + text + R"(\.(?P<idx>\d+)\.)", text,
                           fields.place("layers_pattern"));
  }
}

bool LayerFilter::contains(const std::string& module) const {
  if (!layers_) {
    return true;
  }
  for (const ModulePattern& pattern : patterns_) {
    if (const auto layer = to_layer(pattern.index_in(module))) {
      return layers_->contains(*layer);
    }
  }
  return false;
}

void for_each_target(const JsonFields& fields, const model::LlamaConfig& model,
                     const std::function<void(std::int64_t, model::Linear)>& visit) {
  const Choice choice = read_choice(fields, model);
  std::set<std::string> linears;
  bool any = false;
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    for (int i = 0; i < model::kLinears; ++i) {
      const auto linear = static_cast<model::Linear>(i);
      const std::string module = model::module_name(layer, linear);
      linears.insert(module);
      if (choice.contains(module)) {
        any = true;
        visit(layer, linear);
      }
    }
  }
  if (choice.targets) {
    check_names(fields, *choice.targets, linears);
  }
  check_others(fields, choice, model);
  fields.require(any, "target_modules", "such that at least one linear of the model's layers is adapted");
}

}  // namespace routedk::experts
