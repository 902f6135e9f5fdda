/// The command line that several programs share.
#pragma once

#include "routedk/bundle/split.h"
#include "routedk/workflow/experiment/program.h"
#include "routedk/workflow/experiment/threads.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "completion.h"
#include <CLI/CLI.hpp>

namespace routedk::apps {

inline void add_threads(CLI::App& app) {
  app.add_option_function<std::string>(
      "--threads", workflow::ask_for_threads,
      "that compute; default: run.threads, OMP_NUM_THREADS or the CPUs that this process can use");
}

/// Settings besides the YAML, and what is printed instead of working; of ProgramOptions or RunProgramOptions.
template <typename Options>
void add_settings_options(CLI::App& app, Options& options) {
  app.add_option("--set", options.assignments, "override settings: a.b=value ...")->allow_extra_args(false);
  add_threads(app);
  app.add_flag("--dump-config", options.dump_config, "print the effective settings as YAML and stop");
  app.add_flag("--dry-run", options.dry_run, "check everything, print what would be done and stop");
}

inline void add_experiment_options(CLI::App& app, workflow::ProgramOptions& options) {
  app.add_option("config,--config", options.config, "the experiment's YAML; without it all defaults hold");
  add_settings_options(app, options);
}

/// Of the options of a program that can do its sessions in parts.
template <typename Options>
void add_shard(CLI::App& app, Options& options) {
  app.add_option(
      "--shard", options.shard,
      "do the part I/N of the sessions, as 2/4; auto: as a Slurm array, torchrun, mpirun or srun says");
}

/// As above, for the program of one step.
inline void add_step_options(CLI::App& app, workflow::ProgramOptions& options) {
  add_experiment_options(app, options);
  app.add_flag("--redo", options.redo, "do this step again, and forget those after it");
}

/// A data folder, a domain and the sizes of its split.
struct DataArguments {
  std::filesystem::path dir;
  std::string domain;
  std::optional<std::int64_t> test_per_length;
  std::optional<std::int64_t> val_per_length;

  void add_to(CLI::App& app) {
    app.add_option("--data-dir", dir, "folder of the domains")->required()->envname("ROUTEDK_DATA_DIR");
    app.add_option("--domain", domain, "folder below it")->required();
    app.add_option("--test-per-length", test_per_length, "default: as the data folder says, else 20");
    app.add_option("--val-per-length", val_per_length, "default: as the data folder says, else 10");
  }
  bundle::SplitCounts counts() const {
    return workflow::split_counts({test_per_length, val_per_length}, dir);
  }
};

/// Whether a word has the form of a setting's assignment: "a.b=value".
inline bool is_assignment(const std::string& word) {
  const std::size_t equals = word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.");
  return equals != std::string::npos && equals > 0 && word[equals] == '=';
}

/// The command line with --set before each assignment that follows another: "--set a=1 b=2".
inline std::vector<const char*> with_each_set(int argc, char** argv) {
  std::vector<const char*> words;
  bool more = false;  // assignments may follow
  bool value = false;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    more = value || (more && is_assignment(word));
    if (more && !value) {
      words.push_back("--set");
    }
    words.push_back(argv[i]);
    value = word == "--set";
    more = more || word.starts_with("--set=");
  }
  return words;
}

/// Parses; -1 goes on. Help ends with 0, a wrong command line with 2.
inline int parse(CLI::App& app, int argc, char** argv) {
  app.set_version_flag("--version", workflow::version_text(), "print the version and stop");
  app.add_option_function<std::string>(
         "--completion",
         [&app](const std::string& shell) { throw CLI::CallForVersion(completion(app, shell), 0); },
         "print what lets a shell complete this program's command line and stop")
      ->check(CLI::IsMember({"bash", "zsh"}));
  const std::vector<const char*> words = with_each_set(argc, argv);
  try {
    app.parse(static_cast<int>(words.size()), words.data());
    return -1;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
}

}  // namespace routedk::apps
