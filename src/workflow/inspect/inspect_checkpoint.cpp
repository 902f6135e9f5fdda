#include "routedk/train/checkpoint.h"
#include "routedk/workflow/inspect/inspect.h"

#include "tensor_table.h"

namespace routedk::workflow {

void inspect_checkpoint(const InspectOptions& options, std::ostream& out) {
  std::filesystem::path path = options.path;
  if (!std::filesystem::exists(path / "state.json")) {
    path = train::newest_checkpoint(path).value_or(path);
  }
  train::read_checkpoint_state(path);  // throws FileError if it is damaged
  print_description(describe_folder({path, "state.json", "tensors.safetensors"}), options.json, out);
}

}  // namespace routedk::workflow
