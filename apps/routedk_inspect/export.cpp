#include "routedk/workflow/inspect/export.h"

#include <iostream>
#include <memory>

#include "../add_choice.h"
#include "../common.h"
#include "commands.h"

namespace routedk::apps {
namespace {

bool may_be_static(experts::GateKind kind) {
  return experts::takes_router(kind) && kind != experts::GateKind::kDynamic &&
         kind != experts::GateKind::kRandomRouter;
}

}  // namespace

void add_export(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::ExportOptions>();
  CLI::App* command = app.add_subcommand(
      "export",
      "Writes experts, or a fixed mix of them, as LoRAs in GGUF for llama.cpp. Dynamic routing does not "
      "survive export: llama.cpp adds a LoRA in the same way for every prompt, so a gate that looks at its "
      "input is "
      "refused.");
  command->footer(
      "Examples:\n  routedk-inspect export --gguf --run DIR --output loras     # loras/base.gguf and so on\n"
      "  routedk-inspect export --gguf --run DIR --gate average --output mix.gguf\n"
      "  routedk-inspect export --gguf --model M.gguf --adapter A --adapter B --weights 0.7,0.3 --output "
      "mix.gguf\n"
      "  llama-cli -m M.gguf --lora mix.gguf");
  workflow::ModelChoice& choice = options->choice;
  const std::string format = "the output format (only GGUF)";
  command->add_flag("--gguf", format)->required();
  CLI::Option* run = command->add_option("--run", choice.run, "a run's folder: its experts and backbone");
  command->add_option("--model", choice.model, "the backbone, a GGUF file or a Hugging Face folder");
  command->add_option("--adapter", choice.adapters, "a PEFT folder; once for each expert")
      ->allow_extra_args(false)
      ->excludes(run);
  CLI::Option* gate = command->add_option(
      "--gate", choice.gate,
      "one mix instead of separate files: an expert's name, " + experts::gate_forms(workflow::is_fixed_mix) +
          ", the folder of a static router; with --run and its router static also " +
          experts::gate_forms(may_be_static));
  command->add_option("--weights", options->weights, "a mix with one weight per expert: w,w,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(gate);
  command->add_option("--output", options->output, "a new folder, or a new file for a mix")->required();
  add_choice(*command, "--dtype", options->dtype, "of the factors");
  command->add_flag("--json", options->json, "one JSON object instead of a table");
  add_threads(*command);
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::export_gguf(*options, std::cout); }; });
}

}  // namespace routedk::apps
