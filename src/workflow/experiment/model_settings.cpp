#include "routedk/workflow/experiment/model_settings.h"

namespace routedk::workflow {

model::LoadOptions load_options(const ModelSettings& settings) {
  return {settings.quant, settings.double_quant, model::precision_of(settings.dtype),
          model::parse_device("model.device", settings.device)};
}

}  // namespace routedk::workflow
