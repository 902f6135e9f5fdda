/// The time of day in records.
#pragma once

#include <string>

namespace routedk {

/// Now, in UTC: "2026-01-31T23:59:59Z".
std::string utc_now();

}  // namespace routedk
