#include "routedk/workflow/data/join_data.h"

#include "routedk/bundle/join_domains.h"
#include "routedk/core/display.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

void check(const JoinDataOptions& options) {
  std::set<std::string> domains{options.evaluated.domain};
  for (const std::string& other : options.others) {
    if (!domains.insert(other).second) {
      throw_<ConfigError>("--domain and --with must name each domain once, but repeat `{}`.", other);
    }
  }
  if (std::filesystem::exists(options.output)) {
    throw_<ConfigError>("--to must be a new folder, but {} exists.", options.output.string());
  }
}

}  // namespace

void join_data(const JoinDataOptions& options, std::ostream& out) {
  check(options);
  const DataCommandOptions& from = options.evaluated;
  const auto load = [&](const std::string& domain) {
    return bundle::load_dataset({from.data_dir, domain, bundle::Untitled::kKeep});
  };
  const bundle::SplitCounts counts = from.counts ? *from.counts : bundle::default_split_counts(from.data_dir);
  const bundle::Dataset evaluated = load(from.domain);
  std::vector<bundle::Dataset> others;
  std::ranges::transform(options.others, std::back_inserter(others), load);
  const bundle::Dataset joined = bundle::join_domains(evaluated, others, counts);

  FolderWriter folder(options.output);
  std::filesystem::create_directory(folder.path() / from.domain);
  bundle::write_dataset(joined, folder.path() / from.domain);
  write_file_atomic(folder.path() / "split.yaml", fmt::format("test_per_length: {}\nval_per_length: {}\n",
                                                              counts.test_per_length, counts.val_per_length));
  folder.commit();

  out << fmt::format("{}: {}, with {} of {} for training\n", from.domain,
                     counted(static_cast<std::int64_t>(evaluated.sessions.size()), "session"),
                     joined.sessions.size() - evaluated.sessions.size(), fmt::join(options.others, ", "));
  if (joined.title_count.untitled_positions > 0) {
    out << fmt::format(
        "without a title: {} at {}. Complete titles before joining, with `routedk-data add-titles`, or "
        "accept\n"
        "the leak of labels with data.untitled=drop\n",
        counted(joined.title_count.untitled_items, "item"),
        counted(joined.title_count.untitled_positions, "position"));
  }
  out << "written to " << options.output.string() << '\n';
}

}  // namespace routedk::workflow
