#include "routedk/workflow/program.h"

#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/core/log.h"
#include "routedk/workflow/steps.h"

#include <cstdio>
#include <new>

#include <fmt/format.h>

namespace routedk::workflow {

void with_experiment(const ProgramOptions& options, const std::function<void(Experiment&)>& work) {
  ConfigSource source =
      options.config.empty() ? ConfigSource::empty() : ConfigSource::from_file(options.config);
  for (const std::string& assignment : options.assignments) {
    source.set(assignment);
  }
  const auto config = read_config<ExperimentConfig>(source);
  if (options.dump_config) {
    fmt::print("{}", dump_config(config));
    return;
  }
  Experiment experiment(config);
  if (options.dry_run) {
    fmt::print("{}", plan(experiment));
    return;
  }
  work(experiment);
}

int run_program(const std::function<void()>& body) noexcept {
  try {
    init_log("info");
    body();
    return 0;
  } catch (const std::bad_alloc&) {
    std::fputs("error: memory ran out\n", stderr);
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return exit_code(error);
  }
}

}  // namespace routedk::workflow
