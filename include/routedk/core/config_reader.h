/// Reads a section's fields from a ConfigNode: the visitor that `read_config` hands to `fields`.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/core/config_source.h"
#include "routedk/core/config_types.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace routedk {

template <typename T>
concept HasValidate = requires(const T& section, std::vector<std::string>& problems) {
  section.validate(problems);
};

/// A section whose fields have defaults that depend on other fields.
template <typename T>
concept HasComplete = requires(T& section) {
  section.complete();
};

class ConfigReader {
 public:
  /// `path` is that of the section ("" at the top); problems are appended to `problems`.
  ConfigReader(const ConfigNode& section, std::string path, std::vector<std::string>& problems)
      : section_(section), path_(std::move(path)), problems_(problems) {}

  /// Called by `fields` for each field: reads the member of that name, if present, and checks the rule.
  template <typename T, typename Rule = NoRule>
  void operator()(const char* name, T& member, std::string_view /*meaning*/, const Rule& rule = {}) {
    names_.emplace_back(name);
    if (const ConfigNode* node = section_.find(names_.back())) {
      read(*node, join(name), member, rule);
    }
  }

  /// Reads a whole section, including unknown keys and cross-field rules.
  template <ConfigSection T>
  static void read_section(const ConfigNode& node, const std::string& path, T& section,
                           std::vector<std::string>& problems) {
    const std::size_t before = problems.size();
    ConfigReader reader(node, path, problems);
    if (reader.is_section()) {
      section.fields(reader);
      reader.report_unknown_keys();
    }
    if constexpr (HasComplete<T>) {
      if (problems.size() == before) {
        section.complete();
      }
    }
    if constexpr (HasValidate<T>) {
      if (problems.size() == before) {
        section.validate(problems);
        reader.locate(before);
      }
    }
  }

 private:
  template <typename T, typename Rule>
  void read(const ConfigNode& node, const std::string& path, T& value, const Rule& rule) {
    if constexpr (ConfigOptional<T>) {
      value.reset();
      if (node.kind != ConfigNode::Kind::kNull) {
        read(node, path, value.emplace(), rule);
      }
    } else if constexpr (ConfigVector<T>) {
      read_list(node, path, value, rule);
    } else if constexpr (ConfigFree<T>) {
      read_free(node, path, value);
    } else if constexpr (ConfigScalar<T>) {
      read_scalar(node, path, value, rule);
    } else {
      read_section(node, path, value, problems_);
    }
  }

  template <typename T, typename Rule>
  void read_list(const ConfigNode& node, const std::string& path, std::vector<T>& list, const Rule& rule) {
    if (node.kind != ConfigNode::Kind::kList) {
      return report(path, "a list", node);
    }
    list.clear();
    for (const ConfigNode& item : node.children) {
      T value{};
      read(item, fmt::format("{}[{}]", path, list.size()), value, rule);
      list.push_back(std::move(value));
    }
  }

  template <typename T, typename Rule>
  void read_scalar(const ConfigNode& node, const std::string& path, T& value, const Rule& rule) {
    const std::optional<T> parsed = parse_scalar<T>(node);
    if (!parsed) {
      return report(path, scalar_words<T>(node), node);
    }
    if (!rule.holds(*parsed)) {
      return report(path, rule.words(), node);
    }
    value = *parsed;
    if constexpr (requires { Rule::seen_from(node.folder, value); }) {
      value = Rule::seen_from(node.folder, value);
    }
  }

  void read_free(const ConfigNode& node, const std::string& path, ConfigTree& tree);
  bool is_section();
  std::string join(const std::string& name) const;
  void report(const std::string& path, const std::string& rule, const ConfigNode& node);
  void report_unknown_keys();
  // Prepends "path: " to every problem from number `first` on, and appends the place of the field that it
  // names first.
  void locate(std::size_t first);
  std::string place_of(const std::string& problem) const;

  const ConfigNode& section_;
  std::string path_;
  std::vector<std::string>& problems_;
  std::vector<std::string> names_;
};

}  // namespace routedk
