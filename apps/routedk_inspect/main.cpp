#include "../common.h"
#include "commands.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app("Inspects models, adapters and routers; quantises models, merges and exports adapters.");
  apps::explain(app,
                {"routedk-inspect model .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf",
                 "echo '{\"text\": \"Hello\"}' | routedk-inspect tokenize --model "
                 ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"},
                "docs/formats.md");
  app.require_subcommand(1);
  apps::Chosen chosen;
  apps::add_tokenize(app, chosen);
  apps::add_logits(app, chosen);
  apps::add_model(app, chosen);
  apps::add_quantize(app, chosen);
  apps::add_adapter(app, chosen);
  apps::add_router(app, chosen);
  apps::add_checkpoint(app, chosen);
  apps::add_merge(app, chosen);
  apps::add_export(app, chosen);
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program(chosen);
}
