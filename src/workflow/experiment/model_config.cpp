#include "routedk/workflow/experiment/model_config.h"

namespace routedk::workflow {

model::LoadOptions load_options(const ModelConfig& settings) {
  const at::Device device = model::parse_device("model.device", settings.device);
  return {settings.quant, settings.double_quant, model::precision_of(settings.dtype, device), device};
}

}  // namespace routedk::workflow
