#include "routedk/workflow/experiment/router_config.h"

namespace routedk::workflow {

experts::RouterOptions router_options(const RouterConfig& settings) {
  experts::RouterOptions options;
  options.kind = settings.kind;
  options.granularity = settings.granularity;
  options.scale = settings.scale;
  options.temperature = settings.temperature;
  options.top_k = settings.top_k;
  options.threshold = settings.threshold;
  options.pool_norm = settings.pool_norm;
  return options;
}

}  // namespace routedk::workflow
