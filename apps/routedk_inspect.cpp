#include "routedk/workflow/logits.h"
#include "routedk/workflow/tokenize.h"

#include <iostream>

#include "common.h"

int main(int argc, char** argv) {
  using namespace routedk;
  CLI::App app("Looks inside models: text to token ids, token ids to logits.");
  app.footer(
      "Examples:\n  echo '{\"text\": \"Hello\"}' | routedk-inspect tokenize --model MODEL.gguf\n"
      "  echo '{\"ids\": [1, 2, 3]}' | routedk-inspect logits --model MODEL.gguf --quant nf4 --adapter DIR "
      "--gate one-hot:0");
  app.require_subcommand(1);
  workflow::TokenizeOptions tokens;
  CLI::App* tokenize = app.add_subcommand("tokenize", "JSON lines {\"text\": ...} in, {\"ids\": [...]} out.");
  tokenize->add_option("--model", tokens.model, "a GGUF file")->required();
  tokenize->add_flag("--special", tokens.special, "spellings of special tokens become those tokens");
  workflow::LogitsOptions run;
  CLI::App* logits = app.add_subcommand(
      "logits", "JSON lines {\"ids\": [...], \"prompt_length\": n} in, the last position's top logits out.");
  logits->add_option("--model", run.model, "a GGUF file")->required();
  logits->add_option("--quant", run.quant, "the linears: none or nf4")->capture_default_str();
  logits->add_option("--dtype", run.dtype, "float32 or bfloat16")->capture_default_str();
  logits->add_option("--adapter", run.adapters, "a PEFT folder; once for each expert")
      ->allow_extra_args(false);
  logits->add_option("--gate", run.gate, "average, one-hot:I or a router's folder");
  logits->add_option("--full", run.full, "write logits.<i> [T,V] of every line to this safetensors file");
  if (const int code = apps::parse(app, argc, argv); code >= 0) {
    return code;
  }
  return workflow::run_program([&] {
    if (*tokenize) {
      workflow::tokenize(tokens, std::cin, std::cout);
    } else {
      workflow::logits(run, std::cin, std::cout);
    }
  });
}
