#include "routedk/workflow/experiment/study.h"

#include "routedk/core/config.h"
#include "routedk/core/error.h"
#include "routedk/workflow/experiment/experiment.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

/// What an assignment is for: the file itself, by its size or its study, or the study's experiments.
enum class About : std::uint8_t { kSize, kStudy, kExperiments };

About about(const std::string& assignment) {
  return assignment.starts_with("size=")    ? About::kSize
         : assignment.starts_with("study.") ? About::kStudy
                                            : About::kExperiments;
}

void assign(ConfigSource& source, const Texts& assignments, About which) {
  for (const std::string& assignment : assignments) {
    if (about(assignment) == which) {
      source.set(assignment);
    }
  }
}

/// Omits the paths of data and outputs, which change no number.
std::string command_of(const std::string& file, const std::vector<std::string>& assignments) {
  std::string command = "routedk-run " + file;
  for (const std::string& assignment : assignments) {
    if (!assignment.starts_with("data.dir=") && !assignment.starts_with("run.")) {
      command += fmt::format(" --set '{}'", assignment);
    }
  }
  return command;
}

/// Applies the chosen one of `sizes`; returns its name, "" if there are none.
std::string choose_size(ConfigSource& source) {
  const std::optional<ConfigNode> size = source.take("size");
  const std::optional<ConfigNode> sizes = source.take("sizes");
  if (!size && !sizes) {
    return "";
  }
  const ConfigNode* const chosen = size && sizes ? sizes->find(size->text) : nullptr;
  if (!sizes) {
    throw_<ConfigError>("`size` must be absent where the file has no `sizes`, but is {} instead ({}).",
                        describe(*size), size->place);
  }
  if (chosen == nullptr) {
    Texts names;
    for (const ConfigNode& one : sizes->children) {
      names.push_back(one.name);
    }
    throw_<ConfigError>("`size` must be one of `sizes` ({}), but is {} instead ({}).", fmt::join(names, ", "),
                        size ? describe(*size) : "missing", (size ? size : sizes)->place);
  }
  source.merge(*chosen);
  return size->text;
}

/// Checks a word that becomes part of a folder's name.
void check_word(const std::string& word, const char* what) {
  if (word.empty() || word.find_first_of("/ \n") != std::string::npos || word.front() == '.') {
    throw_<ConfigError>("{} must be a word without / and spaces, but is `{}` instead.", what, word);
  }
}

/// The parts of a point's name that distinguish it from the others.
std::string point_name(const StudyConfig& study, const std::string& variant, const std::string& domain,
                       std::optional<std::int64_t> seed) {
  Texts parts;
  if (!variant.empty()) {
    parts.push_back(variant);
  }
  if (study.domains.size() > 1) {
    parts.push_back(domain);
  }
  if (study.seeds.size() > 1) {
    parts.push_back(fmt::format("{}", *seed));
  }
  return fmt::format("{}", fmt::join(parts, "-"));
}

/// Reads the points of a study; collects all problems before throwing one error.
class Points {
 public:
  Points(const Study& study, const ConfigSource& base, const Texts& assignments)
      : study_(study), base_(base), assignments_(assignments) {}

  std::vector<Point> read() {
    const auto& variants = study_.config.variants.root.children;
    for (const ConfigNode& variant : variants) {
      check_word(variant.name, "a variant of `study.variants`");
      read_variant(&variant);
    }
    if (variants.empty()) {
      read_variant(nullptr);
    }
    throw_problems(problems_);
    return std::move(points_);
  }

 private:
  void read_variant(const ConfigNode* variant) {
    const Texts domains = study_.config.domains.empty() ? Texts{""} : study_.config.domains;
    std::vector<std::optional<std::int64_t>> seeds(study_.config.seeds.begin(), study_.config.seeds.end());
    if (seeds.empty()) {
      seeds.emplace_back();
    }
    for (const std::string& domain : domains) {
      for (const auto& seed : seeds) {
        read_point(variant, domain, seed);
      }
    }
  }

  void read_point(const ConfigNode* variant, const std::string& domain, std::optional<std::int64_t> seed) {
    ConfigSource source = base_;
    if (variant != nullptr) {
      source.merge(*variant);
    }
    if (!domain.empty()) {
      source.set("data.domain=" + yaml_text(domain));
    }
    for (const char* section : {"train", "router", "decode"}) {
      if (seed) {
        source.set(fmt::format("{}.seed={}", section, *seed));
      }
    }
    assign(source, assignments_, About::kExperiments);
    Point point;
    point.variant = variant == nullptr ? "" : variant->name;
    point.name = point_name(study_.config, point.variant, domain, seed);
    try {
      point.config = read_config<ExperimentConfig>(source);
    } catch (const ConfigError& error) {
      const std::string where = point.name.empty() ? "" : fmt::format(" [{}]", point.name);
      if (seen_.insert(error.what()).second) {
        problems_.push_back(error.what() + where);
      }
      return;
    }
    if (!point.config.data.examples.empty()) {
      problems_.push_back(fmt::format(
          "`data.examples` must be empty in a study, whose results are those of bundle data, but is {}.",
          point.config.data.examples));
    }
    point.config.run.dir = (point.name.empty() ? study_.folder : study_.folder / point.name).string();
    if (point.config.run.store.empty()) {
      point.config.run.store = (study_.folder.parent_path() / "store").string();
    }
    points_.push_back(std::move(point));
  }

  const Study& study_;
  const ConfigSource& base_;
  const Texts& assignments_;
  std::vector<Point> points_;
  Texts problems_;
  std::set<std::string> seen_;  // problems that all points share are reported once
};

/// Every value is read and checked, even if unused.
void check_count(const StudyConfig& study) {
  constexpr std::size_t kMostPoints = 10'000;
  std::size_t points = 1;
  for (const std::size_t count :
       {study.variants.root.children.size(), study.domains.size(), study.seeds.size()}) {
    points *= std::max<std::size_t>(count, 1);
    if (points > kMostPoints) {
      throw_<ConfigError>(
          "`study.variants`, `study.domains` and `study.seeds` must make at most {} experiments, but make "
          "more.",
          kMostPoints);
    }
  }
}

void check_no_repeats(const StudyConfig& study) {
  if (std::set(study.domains.begin(), study.domains.end()).size() < study.domains.size() ||
      std::set(study.seeds.begin(), study.seeds.end()).size() < study.seeds.size()) {
    throw_<ConfigError>("`study.domains` and `study.seeds` must name each once, but are [{}] and [{}].",
                        fmt::join(study.domains, ", "), fmt::join(study.seeds, ", "));
  }
}

/// The file's `run.dir`, which names the study's folder; "" if it has none.
std::string run_dir_of(const ConfigSource& source) {
  const ConfigNode* const run = source.root().find("run");
  const ConfigNode* const dir = run == nullptr ? nullptr : run->find("dir");
  return dir == nullptr ? "" : without_slash(dir->text);
}

/// A run folder's config.yaml names the folder that it was made in: a copy must not write into the original.
void check_in_place(const fs::path& file, const std::string& run_dir, const Texts& assignments) {
  if (file.filename() != "config.yaml") {
    return;
  }
  fs::path own = fs::absolute(file).lexically_normal().parent_path();
  if (own.parent_path().filename() == "evaluations") {  // of an evaluation with a name
    own = own.parent_path().parent_path();
  }
  const bool chosen = std::any_of(assignments.begin(), assignments.end(),
                                  [](const std::string& one) { return one.starts_with("run.dir="); });
  if (chosen || !fs::exists(own / "versions.json")) {
    return;
  }
  std::error_code gone;
  if (!fs::equivalent(own, run_dir, gone)) {
    throw_<ConfigError>(
        "`run.dir` must be the folder of a run's own config.yaml, but is {} ({}): the run was copied or "
        "moved. "
        "routedk-predict and scripts/report take the copy; to train or evaluate, use the original, or give "
        "--set run.dir=NEW run.store=STORE",
        run_dir, file.string());
  }
}

Study alone(const std::string& file, const ConfigSource& source, const Texts& assignments) {
  Study study;
  study.alone = true;
  study.name = fs::path(file).stem().string();
  study.points.push_back({"", "", read_config<ExperimentConfig>(source)});
  study.points.front().config.run.dir = run_folder(study.points.front().config);
  check_in_place(file, study.points.front().config.run.dir, assignments);
  study.folder = study.points.front().config.run.dir;
  return study;
}

/// A setting among the files: --set was forgotten, or "=".
void check_is_no_setting(const std::string& file) {
  const std::string name = file.substr(0, file.find('='));
  const Texts settings = setting_names();
  if (std::find(settings.begin(), settings.end(), name) != settings.end() && !fs::exists(file)) {
    throw_<ConfigError>("a setting must follow --set and have a value, but is `{}`: give --set {}=VALUE",
                        file, name);
  }
}

/// The files listed under `studies`, relative to the listing file's folder; empty if the file is a study
/// itself.
Texts listed_studies(const std::string& file) {
  if (file.empty()) {
    return {};
  }
  check_is_no_setting(file);
  ConfigSource source = ConfigSource::from_file(file);
  const std::optional<ConfigNode> list = source.take("studies");
  if (!list) {
    return {};
  }
  if (list->kind != ConfigNode::Kind::kList || list->children.empty() || !source.root().children.empty()) {
    throw_<ConfigError>(
        "a file with `studies` must hold a list of files and nothing else, but does not ({}).", list->place);
  }
  Texts files;
  for (const ConfigNode& item : list->children) {
    files.push_back((fs::path(file).parent_path() / item.text).string());
  }
  return files;
}

}  // namespace

Study read_study(const std::string& file, const std::vector<std::string>& assignments) {
  check_is_no_setting(file);
  ConfigSource source = file.empty() ? ConfigSource::empty() : ConfigSource::from_file(file);
  assign(source, assignments, About::kSize);
  const std::string size = choose_size(source);
  assign(source, assignments, About::kStudy);
  const std::optional<ConfigNode> section = source.take("study");
  assign(source, assignments, About::kExperiments);
  if (!section) {
    return alone(file, source, assignments);
  }
  Study study;
  ConfigSource own = ConfigSource::empty();
  own.merge(*section);
  study.config = read_config<StudyConfig>(own);
  study.name = fs::path(file).stem().string() + (size.empty() ? "" : "-" + size);
  study.command = command_of(file, assignments);
  check_count(study.config);
  check_no_repeats(study.config);
  const std::string dir = run_dir_of(source);
  study.folder = dir.empty() ? fs::path("runs") / study.name : fs::path(dir);
  study.points = Points(study, source, assignments).read();
  return study;
}

std::vector<Study> read_studies(const std::vector<std::string>& files,
                                const std::vector<std::string>& assignments) {
  std::vector<Study> studies;
  std::set<fs::path> folders;
  const auto add = [&](const std::string& file) {
    studies.push_back(read_study(file, assignments));
    if (!folders.insert(studies.back().folder).second) {
      throw_<ConfigError>("each experiment must have its own run folder, but two share {} ({}).",
                          studies.back().folder.string(), file);
    }
  };
  for (const std::string& file : files.empty() ? Texts{""} : files) {
    const Texts listed = listed_studies(file);
    std::for_each(listed.begin(), listed.end(), add);
    if (listed.empty()) {
      add(file);
    }
  }
  return studies;
}

}  // namespace routedk::workflow
