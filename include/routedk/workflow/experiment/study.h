/// A question as a file: one experiment per variant, domain and seed, and the comparisons among them.
///
///   extends: common.yaml
///   study:
///     question: How many experts does the mixture need?
///     variants:                                   # settings that differ, by their names
///       K1: {experts: [merged], eval: {systems: [merged]}}
///       K3: {eval: {systems: [dynamic]}}
///     domains: [electronic, food]
///     seeds: [1, 2, 3]
///     compare: [{a: K3/dynamic, b: K1/merged}]
///   size: small                                   # which of `sizes` applies
///   sizes: {small: {split: {train_limit: 60}}, full: {}}
///
/// A file without `study` is one experiment.
#pragma once

#include "routedk/core/config_rules.h"
#include "routedk/core/config_source.h"
#include "routedk/workflow/experiment/experiment_config.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace routedk::workflow {

/// Two results, named as in results.json: "VARIANT/RESULT", or "RESULT" in a study without variants.
struct ComparisonConfig {
  std::string a;
  std::string b;
  bool explain = false;

  template <typename F>
  void fields(F& f) {
    f("a", a, "VARIANT/RESULT whose gain is measured");
    f("b", b, "VARIANT/RESULT it is compared with, on the same sessions");
    f("explain", explain, "also test whether a session's properties predict that a is better on it");
  }
};

struct StudyConfig {
  std::string question;
  ConfigTree variants;
  std::vector<std::string> domains;
  std::vector<std::int64_t> seeds;
  std::vector<ComparisonConfig> compare;

  template <typename F>
  void fields(F& f) {
    f("question", question, "what it answers, in a sentence");
    f("variants", variants, "settings that differ, by the variant's name");
    f("domains", domains, "each with its own experts; empty: data.domain");
    f("seeds", seeds, "of training and sampling; empty: as the settings say", at_least(0));
    f("compare", compare, "pairs of results, tested together (Holm)");
  }
};

/// One experiment of a study.
struct Point {
  std::string name;     ///< "K3-food-2": variant, domain and seed, each if there are several; "" for a single
                        ///< point
  std::string variant;  ///< "" without variants
  ExperimentConfig config;
};

struct Study {
  std::string name;     ///< the file's name, with the size if it has sizes
  std::string command;  ///< the command that runs it, without paths of data and outputs, which change no
                        ///< number
  StudyConfig config;
  std::filesystem::path folder;  ///< of its results; contains the points' run folders
  std::vector<Point> points;     ///< at least 1
  bool alone = false;            ///< one experiment without `study`: its run folder is all there is
};

/// Reads and checks a file and `--set` assignments, which override sizes and variants; without a file, all
/// defaults apply. ConfigError with the problems of all points, one per line.
Study read_study(const std::string& file, const std::vector<std::string>& assignments);

/// Reads several files; a file with `studies` stands for the files that it lists. ConfigError if two have the
/// same name.
std::vector<Study> read_studies(const std::vector<std::string>& files,
                                const std::vector<std::string>& assignments);

}  // namespace routedk::workflow
