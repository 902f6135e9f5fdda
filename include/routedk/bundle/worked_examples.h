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
  kSimilar,  ///< those whose titles are most like the session's (TF-IDF cosine of all titles together)
};
constexpr auto enum_names(ExampleChoice /*of*/) {
  return std::to_array<EnumName<ExampleChoice>>(
      {{ExampleChoice::kSpread, "spread"}, {ExampleChoice::kSimilar, "similar"}});
}

class WorkedExamples {
 public:
  /// `count` of the training sessions that have gold bundles.
  WorkedExamples(std::span<const Session> training, TfIdf titles, std::int64_t count, ExampleChoice choice);

  /// Those to choose from.
  const std::vector<Session>& sessions() const noexcept { return sessions_; }

  /// In the order in which they are shown, the most similar last, next to the question. Never the session
  /// itself, which would show its gold; then one less where the same ones are shown to all.
  std::vector<const Session*> of(const Session& session) const;

 private:
  std::vector<Session> sessions_;   // those to choose from
  std::vector<std::string> texts_;  // all titles of each
  TfIdf titles_;
  std::size_t count_;
  ExampleChoice choice_;
};

}  // namespace routedk::bundle
