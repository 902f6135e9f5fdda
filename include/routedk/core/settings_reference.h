/// All settings of a configuration as a reference page: a visitor of `fields`.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/core/config_types.h"

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace routedk {

struct SettingEntry {
  std::string name;     ///< "train.learning_rate"
  std::string initial;  ///< its default, as YAML
  std::string range;    ///< "number, greater than 0"
  std::string meaning;
};

/// A section's own settings; sections within it are separate groups.
struct SettingGroup {
  std::string path;  ///< "train.expected_utility"; "" at the top
  std::string meaning;
  std::vector<SettingEntry> entries;
};
using SettingGroups = std::vector<SettingGroup>;

class SettingsReference {
 public:
  /// Collects into groups[group] and the groups after it.
  SettingsReference(SettingGroups& groups, std::size_t group) : groups_(groups), group_(group) {}

  /// Called by `fields` for each field.
  template <typename T, typename Rule = NoRule>
  void operator()(const char* name, T& member, const std::string& meaning, const Rule& rule = {}) {
    const std::string path = joined(name);
    if constexpr (ConfigSection<T>) {
      groups_.push_back({path, meaning, {}});
      SettingsReference section(groups_, groups_.size() - 1);
      member.fields(section);
    } else {
      groups_[group_].entries.push_back({path, default_of(member), range_of<T>(rule), meaning});
      if constexpr (ConfigVector<T>) {
        add_members<typename T::value_type>(path);
      }
    }
  }

 private:
  std::string joined(const std::string& name) const {
    const std::string& path = groups_[group_].path;
    return path.empty() ? name : path + "." + name;
  }

  /// For a list of sections: the settings of each item.
  template <typename Item>
  void add_members(const std::string& path) {
    if constexpr (ConfigSection<Item>) {
      SettingGroups members{{path + "[]", "", {}}};
      SettingsReference reference(members, 0);
      Item item{};
      item.fields(reference);
      auto& entries = groups_[group_].entries;
      entries.insert(entries.end(), members.front().entries.begin(), members.front().entries.end());
    }
  }

  template <typename T>
  static std::string default_of(const T& member) {
    if constexpr (ConfigVector<T>) {
      return list_of(member);
    } else if constexpr (ConfigFree<T>) {
      return "{}";
    } else if constexpr (ConfigOptional<T>) {
      return member ? yaml_scalar(*member) : "null";
    } else {
      return yaml_scalar(member);
    }
  }

  template <typename Item>
  static std::string list_of(const std::vector<Item>& list) {
    std::string items;
    if constexpr (ConfigScalar<Item>) {
      for (const Item& item : list) {
        items += (items.empty() ? "" : ", ") + yaml_scalar(item);
      }
    }
    return "[" + items + "]";
  }

  template <typename T, typename Rule>
  static std::string range_of(const Rule& rule) {
    if constexpr (ConfigVector<T>) {
      return "list of: " + range_of<typename T::value_type>(rule);
    } else if constexpr (ConfigOptional<T>) {
      return range_of<typename T::value_type>(rule) + ", or null";
    } else if constexpr (!ConfigScalar<T>) {
      return "section";
    } else if constexpr (NamedEnum<T>) {
      return enum_list<T>();
    } else if constexpr (std::same_as<T, bool>) {
      return scalar_words<T>();
    } else if constexpr (std::is_base_of_v<FilePath, Rule>) {
      return "path";
    } else {
      const std::string words = rule.words();
      const std::string kind = std::same_as<T, std::string> ? "text"
                               : std::integral<T>           ? "integer"
                                                            : "number";
      return words.empty() ? kind : kind + ", " + words;
    }
  }

  SettingGroups& groups_;
  std::size_t group_;
};

/// The settings of a configuration with their defaults; the first group has those at the top level.
template <typename T>
SettingGroups setting_groups(const std::string& path = {}, const std::string& meaning = {}) {
  SettingGroups groups{{path, meaning, {}}};
  SettingsReference reference(groups, 0);
  T config{};
  config.fields(reference);
  return groups;
}

/// One Markdown section per group, each with a table; groups without entries are omitted.
/// since: for each setting name, the version that introduced it.
std::string settings_markdown(const SettingGroups& groups,
                              const std::function<std::string(const std::string&)>& since);

}  // namespace routedk
