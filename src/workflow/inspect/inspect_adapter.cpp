#include "routedk/workflow/inspect/inspect.h"

#include "tensor_table.h"

namespace routedk::workflow {

void inspect_adapter(const InspectOptions& options, std::ostream& out) {
  const io::Json found = describe_folder({options.path, "adapter_config.json", "adapter_model.safetensors"});
  print_description(found, options.json, out);
}

}  // namespace routedk::workflow
