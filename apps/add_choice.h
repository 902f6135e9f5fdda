#pragma once

#include "routedk/core/named_enum.h"

#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace routedk::apps {

/// An option that takes one of an enum's names.
template <NamedEnum E>
CLI::Option* add_choice(CLI::App& app, const std::string& name, E& value, const std::string& meaning) {
  std::vector<std::string> names;
  for (const auto& [each, word] : enum_names(E{})) {
    names.emplace_back(word);
  }
  const auto take = [&value](const std::string& word) { value = find_enum<E>(word).value(); };
  return app.add_option_function<std::string>(name, take, meaning)
      ->check(CLI::IsMember(std::move(names)))
      ->default_str(std::string(name_of(value)));
}

}  // namespace routedk::apps
