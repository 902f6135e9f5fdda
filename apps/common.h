/// Command-line options shared by several programs.
#pragma once

#include "routedk/bundle/split.h"
#include "routedk/core/shipped.h"
#include "routedk/core/suggestion.h"
#include "routedk/workflow/experiment/program.h"
#include "routedk/workflow/experiment/session_data.h"
#include "routedk/workflow/experiment/threads.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "completion.h"
#include "help_format.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace routedk::apps {

// The groups of a help text, where a program has such options.
inline constexpr const char* kCommonGroup = "Common";
inline constexpr const char* kSettingsGroup = "Settings";
inline constexpr const char* kDataGroup = "Data";
inline constexpr const char* kModelGroup = "Model";
inline constexpr const char* kTrainingGroup = "Training";
inline constexpr const char* kDecodingGroup = "Decoding";
inline constexpr const char* kOutputGroup = "Output";
inline constexpr const char* kStepsGroup = "Steps";
inline constexpr const char* kProcessesGroup = "Processes";

/// The end of the help: examples that work as typed in a checkout, and the page with more.
inline void explain(CLI::App& app, const std::vector<std::string>& examples, const std::string& page) {
  std::string text = "Examples:\n";
  for (const std::string& example : examples) {
    text += "  " + example + "\n";
  }
  app.footer(text + "More: " + page);
}

/// Of an option's value: an empty variable of a shell must not stand for "not given".
inline std::string not_empty(const std::string& value) {
  return value.empty() ? "must not be empty" : "";
}

inline void add_threads(CLI::App& app) {
  app.add_option_function<std::string>("--threads", workflow::ask_for_threads,
                                       "number of compute threads; default: run.threads, OMP_NUM_THREADS or "
                                       "the CPUs that this process can use")
      ->group(kProcessesGroup);
}

/// Settings in addition to the YAML, and what to print instead of running; for ProgramOptions or
/// RunProgramOptions.
template <typename Options>
void add_settings_options(CLI::App& app, Options& options) {
  app.add_option("--set", options.assignments, "override settings: a.b=value ... (docs/settings.md)")
      ->allow_extra_args(false)
      ->group(kSettingsGroup);
  app.add_flag("--dump-config", options.dump_config, "print the effective settings as YAML and stop")
      ->group(kSettingsGroup);
  app.add_flag("--dry-run", options.dry_run, "check everything, print what would be done and stop")
      ->group(kStepsGroup);
  add_threads(app);
}

inline void add_experiment_options(CLI::App& app, workflow::ProgramOptions& options) {
  app.add_option("config,--config", options.config,
                 "the experiment's YAML; without it all settings are defaults")
      ->check(not_empty)
      ->group(kSettingsGroup);
  add_settings_options(app, options);
}

/// For programs that can process a part of the sessions.
template <typename Options>
void add_shard(CLI::App& app, Options& options) {
  app.add_option("--shard", options.shard,
                 "process shard I of N of the sessions, as in 2/4; auto: I and N from a Slurm array, "
                 "torchrun, mpirun or srun")
      ->group(kProcessesGroup);
}

/// The same for the program of one step.
inline void add_step_options(CLI::App& app, workflow::ProgramOptions& options) {
  add_experiment_options(app, options);
  app.add_flag("--redo", options.redo, "repeat this step, and remove those after it")->group(kStepsGroup);
}

inline void add_data_dir(CLI::App& app, std::filesystem::path& dir) {
  dir = shipped("data/sample");
  app.add_option("--data-dir", dir, "folder of the domains; default: the sample")
      ->required(dir.empty())
      ->envname("ROUTEDK_DATA_DIR")
      ->group(kDataGroup);
}

/// A data folder, a domain and the sizes of its split.
struct DataArguments {
  std::filesystem::path dir;
  std::string domain;
  std::optional<std::int64_t> test_per_length;
  std::optional<std::int64_t> val_per_length;

  void add_to(CLI::App& app) {
    add_data_dir(app, dir);
    app.add_option("--domain", domain, "folder in --data-dir")->required()->group(kDataGroup);
    app.add_option("--test-per-length", test_per_length,
                   "test sessions of each length; default: as the data folder says, otherwise 20")
        ->group(kDataGroup);
    app.add_option("--val-per-length", val_per_length,
                   "validation sessions of each length; default: as the data folder says, otherwise 10")
        ->group(kDataGroup);
  }
  bundle::SplitCounts counts() const {
    return workflow::split_counts({test_per_length, val_per_length}, dir);
  }
};

/// Whether a word is a setting's assignment: "a.b=value"; capitals are a mistake in one.
inline bool is_assignment(const std::string& word) {
  const std::size_t equals =
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
  return equals != std::string::npos && equals > 0 && word[equals] == '=';
}

/// The command line with --set inserted before each further assignment: "--set a=1 b=2".
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

/// "; did you mean `--dry-run`?" for the first word that is no known option.
inline std::string suggestion_for_unknown(const CLI::App& app) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      known.push_back("--" + name);
    }
  }
  const std::vector<std::string> unknown = app.remaining();
  return unknown.empty() || !unknown.front().starts_with('-')
             ? ""
             : suggestion(unknown.front().substr(0, unknown.front().find('=')), known);
}

/// Prints the help, or the error of a command line, and returns the exit code.
inline int finish_parsing(const CLI::App& app, const CLI::ParseError& error) {
  if (app.exit(error) != 0) {
    return 2;
  }
  return workflow::run_program([] {});  // refuses an output that did not take the help
}

/// Parses; -1: continue. Help exits with 0, an invalid command line with 2.
inline int parse(CLI::App& app, int argc, char** argv, Subcommands kind = Subcommands::kOwn) {
  const auto format = std::make_shared<HelpFormat>();
  app.formatter(format);
  for (CLI::App* command : app.get_subcommands([](const CLI::App* /*each*/) { return true; })) {
    command->formatter(format);
  }
  app.get_help_ptr()->group(kCommonGroup);
  app.set_version_flag("--version", workflow::version_text(), "print the version and stop")
      ->group(kCommonGroup);
  app.add_option_function<std::string>(
         "--completion",
         [&app, kind](const std::string& shell) {
           throw CLI::CallForVersion(completion(app, shell, kind), 0);
         },
         "print a completion script for this shell and stop")
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->group(kCommonGroup);
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    return fmt::format("error: {}{} ({} --help)\n", error.what(), suggestion_for_unknown(*failed),
                       failed->get_name());
  });
  const std::vector<const char*> words = with_each_set(argc, argv);
  try {
    app.parse(static_cast<int>(words.size()), words.data());
    return -1;
  } catch (const CLI::ParseError& error) {
    return finish_parsing(app, error);
  }
}

}  // namespace routedk::apps
