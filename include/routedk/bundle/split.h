/// Train, validation and test sessions: the published split of the data set.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/core/named_enum.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace routedk::bundle {

/// How many sessions of each length are test and validation.
struct SplitCounts {
  std::int64_t test_per_length = 20;
  std::int64_t val_per_length = 10;
};

enum class SplitPart { kVal, kTest, kTrain };
constexpr auto enum_names(SplitPart /*of*/) {
  return std::to_array<EnumName<SplitPart>>(
      {{SplitPart::kVal, "val"}, {SplitPart::kTest, "test"}, {SplitPart::kTrain, "train"}});
}

struct Split {
  std::vector<Session> train;
  std::vector<Session> val;
  std::vector<Session> test;

  const std::vector<Session>& part(SplitPart part) const noexcept;
};

/// The counts in the data folder's own `split.yaml`, else those of SplitCounts. ConfigError names file and
/// line of an unknown key or a value that is not a count.
SplitCounts default_split_counts(const std::filesystem::path& dir);

/// For each length (before drops): ordered by `order`, the last `test_per_length` are test, the
/// `val_per_length` before them validation, the rest train; a length with too few sessions fills test first.
/// Each part is sorted by length, then order. ConfigError when a count is negative.
Split split_sessions(std::span<const Session> sessions, const SplitCounts& counts);

}  // namespace routedk::bundle
