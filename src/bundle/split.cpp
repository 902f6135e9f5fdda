#include "routedk/bundle/split.h"

#include "routedk/core/config.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <map>
#include <string>

namespace routedk::bundle {
namespace {

/// split.yaml; counts that are not given keep their defaults.
struct SplitFile {
  SplitCounts counts;
  template <typename F>
  void fields(F& f) {
    f("test_per_length", counts.test_per_length, "test sessions of each length", at_least(0));
    f("val_per_length", counts.val_per_length, "validation sessions of each length", at_least(0));
  }
};

}  // namespace

const std::vector<Session>& Split::part(SplitPart part) const noexcept {
  switch (part) {
    case SplitPart::kTrain:
      return train;
    case SplitPart::kVal:
      return val;
    case SplitPart::kTest:
      break;
  }
  return test;
}

SplitCounts default_split_counts(const std::filesystem::path& dir) {
  const auto file = dir / "split.yaml";
  if (!std::filesystem::exists(file)) {
    return {};
  }
  return read_config<SplitFile>(ConfigSource::from_file(file)).counts;
}

Split split_sessions(std::span<const Session> sessions, const SplitCounts& counts) {
  if (counts.test_per_length < 0 || counts.val_per_length < 0) {
    throw_<ConfigError>("`split` counts must be at least 0, but are {} test and {} val instead.",
                        counts.test_per_length, counts.val_per_length);
  }
  std::map<std::int64_t, std::vector<const Session*>> by_length;
  for (const Session& session : sessions) {
    by_length[session.length].push_back(&session);
  }
  Split split;
  for (auto& [length, group] : by_length) {
    std::sort(group.begin(), group.end(), [](const auto* a, const auto* b) { return a->order < b->order; });
    const auto size = static_cast<std::int64_t>(group.size());
    const std::int64_t test_from = size - std::min(counts.test_per_length, size);
    const std::int64_t val_from = test_from - std::min(counts.val_per_length, test_from);
    for (std::int64_t i = 0; i < size; ++i) {
      auto& part = i < val_from ? split.train : i < test_from ? split.val : split.test;
      part.push_back(*group[static_cast<std::size_t>(i)]);
    }
  }
  return split;
}

}  // namespace routedk::bundle
