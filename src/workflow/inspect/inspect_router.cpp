#include "routedk/workflow/inspect/inspect.h"

#include "tensor_table.h"

namespace routedk::workflow {

void inspect_router(const InspectOptions& options, std::ostream& out) {
  const io::Json found = describe_folder({options.path, "router_config.json", "router.safetensors"});
  print_description(found, options.json, out);
}

}  // namespace routedk::workflow
