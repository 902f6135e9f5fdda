/// The version in which each setting was introduced.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace routedk::workflow {

/// Names of the settings in version 0.1.0. Each release appends a list of those that it adds.
std::span<const std::string_view> settings_of_0_1_0();

/// The version that introduced a setting: a released one, otherwise this source's.
std::string setting_since(std::string_view name);

}  // namespace routedk::workflow
