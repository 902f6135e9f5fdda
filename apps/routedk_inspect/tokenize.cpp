#include "routedk/workflow/inspect/tokenize.h"

#include <cstdio>
#include <iostream>
#include <memory>

#include "../common.h"
#include "commands.h"
#include <fmt/format.h>
#include <unistd.h>

namespace routedk::apps {

void add_tokenize(CLI::App& app, Chosen& chosen) {
  const auto options = std::make_shared<workflow::TokenizeOptions>();
  CLI::App* command = app.add_subcommand(
      "tokenize", "JSON lines {\"text\": ...} or {\"messages\": [...]} in, {\"ids\": [...]} out.");
  explain(*command,
          {"echo '{\"text\": \"Hello\"}' | routedk-inspect tokenize --model "
           ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf",
           "echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}' | routedk-inspect tokenize "
           "--model .deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"},
          "docs/formats.md");
  command
      ->add_option("--model", options->model,
                   "a GGUF file, a model folder, a tokenizer.json or a tokenizer.model")
      ->required();
  command->add_option("--chat", options->chat,
                      "the chat template of messages, as model.chat; else the model's own");
  command->add_flag("--special", options->special, "parse special tokens in the text");
  command->callback([options, &chosen] {
    chosen = [options] {
      if (::isatty(STDIN_FILENO) == 1) {
        fmt::print(stderr, "reading JSON lines until the end of input (Ctrl-D)\n");
      }
      workflow::tokenize(*options, std::cin, std::cout);
    };
  });
}

}  // namespace routedk::apps
