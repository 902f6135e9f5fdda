/// Timestamps for records.
#pragma once

#include <string>

namespace routedk {

/// The current time in UTC: "2026-01-31T23:59:59Z".
std::string utc_now();

}  // namespace routedk
