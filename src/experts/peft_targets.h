/// The linears that an adapter's configuration selects, by the rules of PEFT 0.21.
#pragma once

#include "routedk/io/json_field.h"
#include "routedk/model/config.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "module_pattern.h"

namespace routedk::experts {

/// `target_modules` or `exclude_modules`: names, matched with a module's full name or its last parts, or one
/// regular expression for full names.
class ModuleSet {
 public:
  /// The field must not be absent. FileError.
  explicit ModuleSet(const io::JsonField& field);

  bool contains(const std::string& module) const;
  /// Whether it lists the module's full name, rather than its last parts or a pattern.
  bool spells_out(const std::string& module) const { return names_.contains(module); }
  const std::set<std::string>& names() const noexcept { return names_; }

 private:
  std::set<std::string> names_;
  std::optional<ModulePattern> pattern_;
};

/// `layers_to_transform` with `layers_pattern`: the layers in which last parts of names apply.
class LayerFilter {
 public:
  LayerFilter(const io::JsonField& config, const model::LlamaConfig& model);
  bool contains(const std::string& module) const;

 private:
  std::optional<std::set<std::int64_t>> layers_;
  std::vector<ModulePattern> patterns_;
};

/// Calls visit(layer, linear) for each linear that `target_modules`, `exclude_modules`, `layers_to_transform`
/// and `layers_pattern` select. FileError if a target matches nothing, or a module that is not such a linear.
void for_each_target(const io::JsonField& config, const model::LlamaConfig& model,
                     const std::function<void(std::int64_t, model::Linear)>& visit);

}  // namespace routedk::experts
