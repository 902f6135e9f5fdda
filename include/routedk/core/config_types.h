/// The C++ types that a configuration field may have, and how scalars are read and written.
#pragma once

#include "routedk/core/config_source.h"
#include "routedk/core/named_enum.h"
#include "routedk/core/numbers.h"

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace routedk {

template <typename T>
concept ConfigNumber = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool>;
template <typename T>
concept ConfigScalar =
    ConfigNumber<T> || NamedEnum<T> || std::same_as<T, bool> || std::same_as<T, std::string>;

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
concept ConfigVector = IsVector<T>::value;
template <typename T>
concept ConfigOptional = IsOptional<T>::value;
template <typename T>
concept ConfigFree = std::same_as<T, ConfigTree>;
/// Everything else is a section: a struct with `template <typename F> void fields(F& f)`.
template <typename T>
concept ConfigSection = !ConfigScalar<T> && !ConfigVector<T> && !ConfigOptional<T> && !ConfigFree<T>;

/// What a scalar of type T must be, worded to follow "must be": "an integer of at least 0".
template <ConfigScalar T>
std::string scalar_words() {
  if constexpr (std::same_as<T, bool>) {
    return "true or false";
  } else if constexpr (std::same_as<T, std::string>) {
    return "a text";
  } else if constexpr (NamedEnum<T>) {
    return "one of " + enum_list<T>();
  } else if constexpr (std::floating_point<T>) {
    return "a finite number";
  } else {
    return std::unsigned_integral<T> ? "an integer of at least 0" : "an integer";
  }
}

/// The same for a node that is no T; for an integer out of T's range, with the size: "a 32-bit integer".
template <ConfigScalar T>
std::string scalar_words([[maybe_unused]] const ConfigNode& node) {
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    const std::size_t first_digit = node.text.find_first_not_of("+-");
    const bool is_integer = first_digit != std::string::npos && first_digit <= 1 &&
                            node.text.find_first_not_of("0123456789", first_digit) == std::string::npos &&
                            !node.quoted;
    if (is_integer && (node.text.front() != '-' || std::signed_integral<T>)) {
      return fmt::format("a {}-bit integer", 8 * sizeof(T));
    }
  }
  return scalar_words<T>();
}

/// The value of the scalar; nothing if the node is not a scalar of that type or the number is out of T's
/// range.
template <ConfigNumber T>
std::optional<T> parse_number(const ConfigNode& node) {
  if (node.kind != ConfigNode::Kind::kScalar || node.quoted) {
    return std::nullopt;
  }
  return number_in<T>(node.text);
}
std::optional<bool> parse_bool(const ConfigNode& node);
/// An unquoted word or number is also a string: the type of the field decides.
std::optional<std::string> parse_text(const ConfigNode& node);
template <NamedEnum E>
std::optional<E> parse_enum(const ConfigNode& node) {
  const std::optional<std::string> name = parse_text(node);
  return name ? find_enum<E>(*name) : std::nullopt;
}

template <ConfigScalar T>
std::optional<T> parse_scalar(const ConfigNode& node) {
  if constexpr (std::same_as<T, bool>) {
    return parse_bool(node);
  } else if constexpr (std::same_as<T, std::string>) {
    return parse_text(node);
  } else if constexpr (NamedEnum<T>) {
    return parse_enum<T>(node);
  } else {
    return parse_number<T>(node);
  }
}

/// A string as YAML: plain where that is unambiguous, otherwise in double quotes.
std::string yaml_text(std::string_view text);

/// A scalar as YAML; floating-point numbers in the shortest form that reads back to the same bits.
template <ConfigScalar T>
std::string yaml_scalar(const T& value) {
  if constexpr (std::same_as<T, std::string>) {
    return yaml_text(value);
  } else if constexpr (NamedEnum<T>) {
    return yaml_text(name_of(value));
  } else {
    return fmt::format("{}", value);
  }
}

}  // namespace routedk
