/// The router that the settings ask for.
#pragma once

#include "routedk/experts/router.h"
#include "routedk/workflow/experiment/router_settings.h"

namespace routedk::workflow {

experts::RouterOptions router_options(const RouterSettings& settings);

}  // namespace routedk::workflow
