#include "routedk/workflow/inspect/quantize.h"

#include "routedk/workflow/inspect/inspect.h"

#include <memory>

#include "../common.h"
#include "commands.h"
#include <fmt/format.h>

namespace routedk::apps {

void add_quantize(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::QuantizeOptions>();
  CLI::App* command = app.add_subcommand("quantize", "Dense weights to NF4 in bitsandbytes' layout.");
  explain(*command,
          {"routedk-inspect quantize --model .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf --output runs/nf4"},
          "docs/formats.md");
  command->add_option("--model", options->model, "a GGUF file or a Hugging Face folder, to become a folder");
  command->add_option("--tensors", options->tensors, "a safetensors file whose matrices are quantised");
  command->add_option("--output", options->output, "the new folder, or with --tensors the file")->required();
  command->add_flag("--double-quant", options->double_quant, "scales in 8 bits");
  add_threads(*command);
  command->callback([options, &chosen] {
    chosen = [options] {
      workflow::quantize(*options);
      fmt::print("{}", workflow::written_text(options->output));
    };
  });
}

}  // namespace routedk::apps
