#include "routedk/workflow/inspect/logits.h"

#include "routedk/experts/gate_spec.h"

#include <iostream>
#include <memory>

#include "../add_choice.h"
#include "../common.h"
#include "commands.h"

namespace routedk::apps {
namespace {

bool runs_in_one_pass(experts::GateKind kind) {
  return experts::weighs_given_experts(kind) && kind != experts::GateKind::kEnsemble;
}

}  // namespace

void add_logits(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::LogitsOptions>();
  CLI::App* command = app.add_subcommand(
      "logits", "JSON lines {\"ids\": [...], \"prompt_length\": n} in, the last position's top logits out.");
  explain(*command,
          {"echo '{\"ids\": [1, 2, 3]}' | routedk-inspect logits --model "
           ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf",
           "echo '{\"ids\": [1, 2, 3]}' | routedk-inspect logits --model "
           ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf --adapter tests/goldens/peft_a"},
          "docs/formats.md");
  command->add_option("--model", options->model, "a GGUF file or a Hugging Face folder")->required();
  add_choice(*command, "--quant", options->quant, "the linears, as model.quant");
  add_choice(*command, "--dtype", options->dtype, "compute type, as model.dtype");
  command->add_option("--device", options->device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--adapter", options->adapters, "a PEFT folder; once for each expert")
      ->allow_extra_args(false);
  command->add_option("--gate", options->gate,
                      "an expert's name, a router's folder, " + experts::gate_forms(runs_in_one_pass));
  command->add_option("--full", options->full,
                      "write logits.<i> [T,V] of every line to this safetensors file");
  add_threads(*command);
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::logits(*options, std::cin, std::cout); }; });
}

}  // namespace routedk::apps
