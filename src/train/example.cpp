#include "routedk/train/example.h"

#include "routedk/core/error.h"

#include <fmt/ranges.h>

namespace routedk::train {

void require_within_context(const std::vector<Example>& examples, std::int64_t context,
                            const std::string& what) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> named;
  std::size_t longer = 0;
  for (const Example& example : examples) {
    if (example.tokens() > context && ++longer <= kNamed) {
      named.push_back(fmt::format(
          "{} with {}", example.source.empty() ? fmt::format("example {}", example.key) : example.source,
          example.tokens()));
    }
  }
  if (longer > 0) {
    throw_<DataError>(
        "{} examples must have at most the {} tokens of the model's context, but {} of {} have more instead "
        "({}{})",
        what, context, longer, examples.size(), fmt::join(named, ", "), longer > kNamed ? ", ..." : "");
  }
}

}  // namespace routedk::train
