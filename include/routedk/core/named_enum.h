/// Choices: an enum class with a table of names, which reading, writing, `--set`, `--help` and error texts
/// use:
///
///   enum class Scale { kSoftmax, kKSoftmax };
///   constexpr auto enum_names(Scale /*of*/) {
///     return std::to_array<EnumName<Scale>>({{Scale::kSoftmax, "softmax"}, {Scale::kKSoftmax,
///     "k_softmax"}});
///   }
#pragma once

#include "routedk/core/error.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

namespace routedk {

template <typename E>
struct EnumName {
  E value;
  std::string_view name;
};

/// An enum with a table of names in its namespace.
template <typename E>
concept NamedEnum = std::is_enum_v<E> && requires(E value) {
  enum_names(value);
};

/// Error when the value is not in the table.
template <NamedEnum E>
std::string_view name_of(E value) {
  static constexpr auto kNames = enum_names(E{});
  const auto found = std::ranges::find(kNames, value, &EnumName<E>::value);
  if (found == kNames.end()) {
    throw_<Error>("a choice must have a name, but number {} has none", static_cast<int>(value));
  }
  return found->name;
}

/// The value with that name, if any.
template <NamedEnum E>
std::optional<E> find_enum(std::string_view name) {
  static constexpr auto kNames = enum_names(E{});
  const auto found = std::ranges::find(kNames, name, &EnumName<E>::name);
  return found == kNames.end() ? std::nullopt : std::optional(found->value);
}

/// All names in table order: "softmax, k_softmax".
template <NamedEnum E>
std::string enum_list() {
  std::string list;
  for (const auto& [value, name] : enum_names(E{})) {
    list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
  }
  return list;
}

}  // namespace routedk

/// Formats an enum by its name.
template <routedk::NamedEnum E>
struct fmt::formatter<E> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(E value, Context& context) const {
    return fmt::formatter<std::string_view>::format(routedk::name_of(value), context);
  }
};
