#include "../common.h"
#include "commands.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app(
      "Looks inside models and what belongs to them; quantises models, merges and exports adapters.");
  app.footer(
      "Examples:\n  echo '{\"text\": \"Hello\"}' | routedk-inspect tokenize --model MODEL.gguf\n"
      "  echo '{\"ids\": [1, 2, 3]}' | routedk-inspect logits --model MODEL.gguf --quant nf4 --adapter DIR "
      "--gate one-hot:0");
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
