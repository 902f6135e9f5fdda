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

std::size_t untitled_positions(const bundle::Dataset& data) {
  std::size_t count = 0;
  for (const bundle::Session& session : data.sessions) {
    count += static_cast<std::size_t>(
        std::ranges::count_if(session.items, [](const bundle::Item& item) { return item.title.empty(); }));
  }
  return count;
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
  if (const std::size_t untitled = untitled_positions(joined); untitled > 0) {
    out << fmt::format("{} have no title: data.untitled=drop leaves them out\n",
                       counted(static_cast<std::int64_t>(untitled), "position"));
  }
  out << "written to " << options.output.string() << '\n';
}

}  // namespace routedk::workflow
