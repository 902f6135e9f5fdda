/// Parses numbers.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <system_error>

namespace routedk {

/// The finite number that the whole text spells; nothing if it is anything else or out of the type's range.
template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool whole = error == std::errc() && stop == end && std::isfinite(static_cast<double>(value));
  return whole ? std::optional(value) : std::nullopt;
}

}  // namespace routedk
