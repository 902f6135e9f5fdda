/// Which linears an adapter's configuration means, by the rules of PEFT 0.21.
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

/// `target_modules` or `exclude_modules`: names, of which a module's whole name or its last parts count, or
/// one regular expression for whole names.
class ModuleSet {
 public:
  /// The field must not be absent. FileError.
  explicit ModuleSet(const io::JsonField& field);

  bool contains(const std::string& module) const;
  /// Whether it names the module in full, not by its last parts or a pattern.
  bool spells_out(const std::string& module) const { return names_.contains(module); }
  const std::set<std::string>& names() const noexcept { return names_; }

 private:
  std::set<std::string> names_;
  std::optional<ModulePattern> pattern_;
};

/// `layers_to_transform` with `layers_pattern`: the layers that last parts of names reach.
class LayerFilter {
 public:
  LayerFilter(const io::JsonField& config, const model::LlamaConfig& model);
  bool contains(const std::string& module) const;

 private:
  std::optional<std::set<std::int64_t>> layers_;
  std::vector<ModulePattern> patterns_;
};

/// Calls visit(layer, linear) for each linear that `target_modules`, `exclude_modules`, `layers_to_transform`
/// and `layers_pattern` choose. FileError when a target hits nothing, or a module that is no such linear.
void for_each_target(const io::JsonField& config, const model::LlamaConfig& model,
                     const std::function<void(std::int64_t, model::Linear)>& visit);

}  // namespace routedk::experts
