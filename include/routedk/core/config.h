/// Configuration: YAML to structs and back. A struct lists its fields once; the list serves reading,
/// checking, dumping and documentation:
///
///   struct RouterConfig {
///     double learning_rate = 1e-3;
///     Scale scale = Scale::kSoftmax;  // an enum with names (core/named_enum.h)
///     template <typename F>
///     void fields(F& f) {
///       f("learning_rate", learning_rate, "step size of W_l and b_l", positive());
///       f("scale", scale, "how logits become weights");
///     }
///     void complete();  // optional: gives fields that were left open what follows from others
///     void validate(std::vector<std::string>& problems) const;  // optional: rules across fields
///   };
///
/// A field is a bool, number, string, enum with names, std::optional of these (null = absent), std::vector of
/// these or of structs, a struct (a section), or a ConfigTree (a section with arbitrary members). Every field
/// has a default; a file contains only differences from the defaults.
#pragma once

#include "routedk/core/config_reader.h"
#include "routedk/core/config_rules.h"
#include "routedk/core/config_source.h"
#include "routedk/core/config_writer.h"

#include <string>
#include <vector>

namespace routedk {

/// ConfigError with one problem per line, the first 20 of them; does nothing if there are none.
void throw_problems(const std::vector<std::string>& problems);

/// Reads and checks a configuration. All problems are collected and reported in one ConfigError:
///   "`lora.rank` must be at least 1, but is 0 instead (demo.yaml:12)."
/// `validate` of a section is called only if its fields had no problem.
template <typename T>
T read_config(const ConfigSource& source) {
  T config{};
  std::vector<std::string> problems;
  ConfigReader::read_section(source.root(), "", config, problems);
  throw_problems(problems);
  return config;
}

/// The whole configuration as YAML, each field with its meaning and rule as a comment; reads back unchanged.
template <typename T>
std::string dump_config(const T& config) {
  T copy = config;
  std::string yaml;
  ConfigWriter writer(yaml, 0);
  copy.fields(writer);
  return yaml;
}

}  // namespace routedk
