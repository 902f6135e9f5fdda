/// Training sessions with their gold answers, shown as earlier turns of a conversation: in-context learning.
#pragma once

#include "routedk/bundle/session.h"
#include "routedk/bundle/tfidf.h"
#include "routedk/core/named_enum.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace routedk::bundle {

enum class ExampleChoice {
  kSpread,   ///< the same for every session, evenly spread over the training sessions
  kSimilar,  ///< those with the most similar titles (TF-IDF cosine of all titles of a session together)
};
constexpr auto enum_names(ExampleChoice /*of*/) {
  return std::to_array<EnumName<ExampleChoice>>(
      {{ExampleChoice::kSpread, "spread"}, {ExampleChoice::kSimilar, "similar"}});
}

class WorkedExamples {
 public:
  /// `count` of the training sessions that have gold bundles.
  WorkedExamples(std::span<const Session> training, TfIdf titles, std::int64_t count, ExampleChoice choice);

  /// The candidates.
  const std::vector<Session>& sessions() const noexcept { return sessions_; }

  /// The examples in display order, the most similar last, next to the question. Never the session itself,
  /// which would reveal its gold; if the choice is kSpread, it then has one example less.
  std::vector<const Session*> of(const Session& session) const;

 private:
  std::vector<Session> sessions_;   // the candidates
  std::vector<std::string> texts_;  // all titles of each, as one text
  TfIdf titles_;
  std::size_t count_;
  ExampleChoice choice_;
};

}  // namespace routedk::bundle
