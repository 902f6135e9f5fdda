#include "peft_targets.h"

#include <algorithm>
#include <charconv>

#include "module_names.h"
#include <fmt/format.h>

namespace routedk::experts {
namespace {

constexpr std::size_t kMaxNames = 10'000;

/// For optional fields, PEFT treats a missing value, null, "" and [] the same.
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

std::vector<io::JsonField> one_or_many(const io::JsonField& field) {
  return field.value().is_array() ? field.items() : std::vector{field};
}

std::optional<std::int64_t> to_layer(const std::optional<std::string>& digits) {
  std::int64_t layer = 0;
  if (!digits || std::from_chars(digits->data(), digits->data() + digits->size(), layer).ec != std::errc()) {
    return std::nullopt;
  }
  return layer;
}

/// Everything that determines whether a module is adapted.
struct Choice {
  std::optional<ModuleSet> targets;  // empty: all-linear
  std::optional<ModuleSet> excluded;
  LayerFilter layers;

  bool contains(const std::string& module) const {
    if (excluded && excluded->contains(module)) {
      return false;
    }
    return !targets || targets->spells_out(module) || (targets->contains(module) && layers.contains(module));
  }
};

Choice read_choice(const io::JsonField& config, const model::LlamaConfig& model) {
  std::optional<ModuleSet> targets;
  std::optional<ModuleSet> excluded;
  if (!is_all_linear(config["target_modules"].value())) {
    targets.emplace(config["target_modules"]);
  }
  if (is_given(config["exclude_modules"].value())) {
    excluded.emplace(config["exclude_modules"]);
  }
  return {std::move(targets), std::move(excluded), LayerFilter(config, model)};
}

/// A listed name that matches no linear reaches nothing, or a module that is not supported here.
void check_names(const io::JsonField& field, const ModuleSet& targets, const std::set<std::string>& linears) {
  for (const std::string& name : targets.names()) {
    const bool hit = std::any_of(linears.begin(), linears.end(), [&](const std::string& linear) {
      return linear == name || linear.ends_with("." + name);
    });
    if (!hit) {
      field.refuse_part("have names of linears in the model's layers", name);
    }
  }
}

void check_others(const io::JsonField& field, const Choice& choice, const model::LlamaConfig& model) {
  for (const std::string& module : other_modules(model)) {
    if (choice.targets && choice.contains(module)) {
      field.refuse_part("choose linears in the model's layers", module);
    }
  }
}

}  // namespace

ModuleSet::ModuleSet(const io::JsonField& field) {
  constexpr const char* kRule = "be a pattern or a list of module names";
  const io::Json& value = field.value();
  if (value.is_string()) {
    field.require(!field.text().empty(), kRule);
    pattern_.emplace(field.text(), field.text(), field.place());
    return;
  }
  field.require(value.is_array() && !value.empty() && value.size() <= kMaxNames, kRule);
  for (const io::Json& name : value) {
    field.require(name.is_string() && !name.get_ref<const std::string&>().empty(), kRule);
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

LayerFilter::LayerFilter(const io::JsonField& config, const model::LlamaConfig& model) {
  const io::JsonField layers = config["layers_to_transform"];
  const io::JsonField pattern = config["layers_pattern"];
  const bool by_pattern = config["target_modules"].value().is_string();
  layers.require(layers.absent() || !by_pattern, "be absent if targets are a pattern");
  pattern.require(pattern.absent() || !by_pattern, "be absent if targets are a pattern");
  pattern.require(!layers.absent() || !is_given(pattern.value()), "be absent without `layers_to_transform`");
  if (!is_given(layers.value())) {
    return;
  }
  layers_.emplace();
  for (const io::JsonField& layer : one_or_many(layers)) {
    layers_->insert(layer.integer(0, model.layers - 1));
  }
  if (!is_given(pattern.value())) {
    patterns_.emplace_back(R"(.*?\.[^.]*\.(?P<idx>\d+)\.)", "", pattern.place());
    return;
  }
  const std::vector<io::JsonField> list = one_or_many(pattern);
  pattern.require(list.size() <= 100, "have at most 100 patterns");
  for (const io::JsonField& one : list) {
    patterns_.emplace_back("(?:^|.*?\\.)" + one.text() + R"(\.(?P<idx>\d+)\.)", one.text(), one.place());
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

void for_each_target(const io::JsonField& config, const model::LlamaConfig& model,
                     const std::function<void(std::int64_t, model::Linear)>& visit) {
  const Choice choice = read_choice(config, model);
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
    check_names(config["target_modules"], *choice.targets, linears);
  }
  check_others(config["target_modules"], choice, model);
  config["target_modules"].require(any, "choose at least one linear of the model's layers");
}

}  // namespace routedk::experts
