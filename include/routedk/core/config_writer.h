/// Writes a section's fields as YAML with their meanings: the visitor that `dump_config` passes to `fields`.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/core/config_types.h"

#include <string>
#include <type_traits>
#include <vector>

namespace routedk {

class ConfigWriter {
 public:
  /// Appends lines to `out`, each indented by `indent` spaces.
  ConfigWriter(std::string& out, std::size_t indent) : out_(out), indent_(indent) {}

  /// Called by `fields` for each field.
  template <typename T, typename Rule = NoRule>
  void operator()(const char* name, T& member, const std::string& meaning, const Rule& rule = {}) {
    const std::string comment = comment_of(meaning, words_of<T>(rule));
    if constexpr (ConfigSection<T>) {
      line(name, "", comment);
      ConfigWriter section(out_, indent_ + 2);
      member.fields(section);
    } else if constexpr (ConfigVector<T>) {
      write_list(name, member, comment);
    } else if constexpr (ConfigFree<T>) {
      line(name, yaml_flow(member.root), comment);
    } else if constexpr (ConfigOptional<T>) {
      line(name, member ? yaml_scalar(*member) : "null", comment);
    } else {
      line(name, yaml_scalar(member), comment);
    }
  }

 private:
  template <typename T>
  void write_list(const char* name, std::vector<T>& list, const std::string& comment) {
    if constexpr (ConfigScalar<T>) {
      std::vector<std::string> items;
      items.reserve(list.size());
      for (const T& item : list) {
        items.push_back(yaml_scalar(item));
      }
      line(name, flow_list(items), comment);
    } else {
      line(name, list.empty() ? "[]" : "", comment);
      for (T& item : list) {
        const std::size_t start = out_.size();
        ConfigWriter section(out_, indent_ + 4);
        item.fields(section);
        out_[start + indent_ + 2] = '-';
      }
    }
  }

  // What a value must be: for an enum its names, otherwise the rule.
  template <typename T, typename Rule>
  static std::string words_of(const Rule& rule) {
    if constexpr (NamedEnum<T>) {
      return scalar_words<T>();
    } else if constexpr (ConfigVector<T> || ConfigOptional<T>) {
      return words_of<typename T::value_type>(rule);
    } else if constexpr (std::is_base_of_v<FilePath, Rule>) {
      return {};
    } else {
      return rule.words();
    }
  }

  static std::string flow_list(const std::vector<std::string>& items);
  static std::string comment_of(const std::string& meaning, const std::string& rule);
  void line(const char* name, const std::string& value, const std::string& comment);

  std::string& out_;
  std::size_t indent_;
};

}  // namespace routedk
