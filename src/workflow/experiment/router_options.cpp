#include "routedk/workflow/experiment/router_options.h"

namespace routedk::workflow {

experts::RouterOptions router_options(const RouterSettings& settings) {
  experts::RouterOptions options;
  options.is_static = settings.kind == "static";
  options.k_softmax = settings.scale == "k_softmax";
  options.global = settings.granularity == "global";
  options.rms_pool = settings.pool_norm == "rms";
  options.temperature = settings.temperature;
  options.top_k = settings.top_k;
  options.threshold = settings.threshold;
  return options;
}

}  // namespace routedk::workflow
