#include "routedk/workflow/inspect/logits.h"

#include <iostream>
#include <memory>

#include "commands.h"

namespace routedk::apps {

void add_logits(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::LogitsOptions>();
  CLI::App* command = app.add_subcommand(
      "logits", "JSON lines {\"ids\": [...], \"prompt_length\": n} in, the last position's top logits out.");
  command->add_option("--model", options->model, "a GGUF file or a Hugging Face folder")->required();
  command->add_option("--quant", options->quant, "the linears: none or nf4")->capture_default_str();
  command->add_option("--dtype", options->dtype, "float32 or bfloat16")->capture_default_str();
  command->add_option("--adapter", options->adapters, "a PEFT folder; once for each expert")
      ->allow_extra_args(false);
  command->add_option("--gate", options->gate,
                      "average, one-hot:I, ties:DENSITY[:RANK], ties_factors:DENSITY or the folder of a "
                      "router or static gate");
  command->add_option("--full", options->full,
                      "write logits.<i> [T,V] of every line to this safetensors file");
  command->callback(
      [options, &chosen] { chosen = [options] { workflow::logits(*options, std::cin, std::cout); }; });
}

}  // namespace routedk::apps
