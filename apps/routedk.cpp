/// `routedk NAME ...` starts the program routedk-NAME in the same folder; --help lists the programs.
#include "routedk/core/display.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common.h"
#include <fmt/ranges.h>
#include <unistd.h>

namespace routedk::apps {
namespace {

struct Program {
  const char* name;
  const char* use;
};
constexpr auto kPrograms = std::to_array<Program>({
    {"run", "Run experiments: every step, and what a study compares."},
    {"distill", "Let a teacher write rules and thoughts about the training sessions."},
    {"train", "Train LoRA experts."},
    {"train-router", "Train a router over experts, or over existing adapters."},
    {"eval", "Evaluate every system on a split; score predictions."},
    {"predict", "Answer sessions, or free text, with a trained run."},
    {"data", "Check, split, join and complete bundle data."},
    {"inspect", "Inspect models, adapters and routers; quantise, merge and export them."},
});

bool is_program(std::string_view word) {
  return std::ranges::find(kPrograms, word, &Program::name) != kPrograms.end();
}

/// Executes that program with the arguments after its name; returns only if it cannot be started.
int become(const std::string& name, char** arguments) {
  const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / ("routedk-" + name);
  std::string shown = path.filename().string();  // in its help
  arguments[0] = shown.data();
  ::execv(path.c_str(), arguments);
  std::fprintf(stderr, "error: %s must be a program, but cannot be started: %s.\n", path.c_str(),
               std::strerror(errno));
  return 1;
}

/// Says that there is no such program, and which there are.
int refuse(const char* word) {
  std::vector<std::string> names(kPrograms.size());
  std::ranges::transform(kPrograms, names.begin(), &Program::name);
  fmt::print(stderr, "error: NAME in `routedk NAME` must be one of {}, but is `{}` instead{}\n",
             fmt::join(names, ", "), displayed(word), suggestion(word, names));
  return 2;
}

}  // namespace
}  // namespace routedk::apps

int main(int argc, char** argv) {
  using namespace routedk;
  if (argc > 1 && apps::is_program(argv[1])) {
    return apps::become(argv[1], argv + 1);
  }
  if (argc > 1 && argv[1][0] != '-') {
    return apps::refuse(argv[1]);
  }
  CLI::App app(
      "Bundle generation with LoRA experts on one frozen Llama, mixed by a router. `routedk NAME ...` starts "
      "the program routedk-NAME.");
  for (const auto& [name, use] : apps::kPrograms) {
    app.add_subcommand(name, use);
  }
  app.require_subcommand(1);
  apps::explain(app, {"routedk run configs/experiments/demo.yaml", "routedk train --help"}, "docs/README.md");
  return std::max(0, apps::parse(app, argc, argv, apps::Subcommands::kPrograms));
}
