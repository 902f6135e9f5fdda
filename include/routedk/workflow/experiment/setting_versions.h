/// Which version brought a setting.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace routedk::workflow {

/// Names of the settings that version 0.1.0 had. A release appends a list of those that it brings.
std::span<const std::string_view> settings_of_0_1_0();

/// The version that brought a setting: a released one, otherwise this source's.
std::string setting_since(std::string_view name);

}  // namespace routedk::workflow
