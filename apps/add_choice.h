#pragma once

#include "routedk/core/named_enum.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace routedk::apps {

/// An option that takes a name of the enum; `name_for` maps other accepted texts to a name. The help shows
/// the value as the default.
template <NamedEnum E>
CLI::Option* add_choice(CLI::App& app, const std::string& name, E& value, const std::string& meaning,
                        const std::function<std::string(std::string)>& name_for = {}) {
  std::vector<std::string> names;
  for (const auto& [each, word] : enum_names(E{})) {
    names.emplace_back(word);
  }
  const auto take = [&value](const std::string& word) { value = find_enum<E>(word).value(); };
  CLI::Option* const option = app.add_option_function<std::string>(name, take, meaning);
  if (name_for) {
    option->transform(name_for, "");
  }
  return option->check(CLI::IsMember(std::move(names)))->default_str(std::string(name_of(value)));
}

}  // namespace routedk::apps
