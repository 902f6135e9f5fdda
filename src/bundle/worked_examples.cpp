#include "routedk/bundle/worked_examples.h"

#include "routedk/core/evenly_spread.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace routedk::bundle {
namespace {

std::string all_titles(const Session& session) {
  std::string text;
  for (const Item& item : session.items) {
    text += item.title + "\n";
  }
  return text;
}

}  // namespace

WorkedExamples::WorkedExamples(std::span<const Session> training, TfIdf titles, std::int64_t count,
                               ExampleChoice choice)
    : titles_(std::move(titles)), count_(static_cast<std::size_t>(count)), choice_(choice) {
  std::copy_if(training.begin(), training.end(), std::back_inserter(sessions_),
               [](const Session& session) { return !session.gold.empty(); });
  if (choice_ == ExampleChoice::kSpread) {
    sessions_ = evenly_spread(sessions_, count);
  }
  std::transform(sessions_.begin(), sessions_.end(), std::back_inserter(texts_), all_titles);
}

std::vector<const Session*> WorkedExamples::of(const Session& session) const {
  const std::string text = all_titles(session);
  std::vector<std::pair<double, const Session*>> candidates;
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    if (sessions_[i].id != session.id) {
      const bool alike = choice_ == ExampleChoice::kSimilar;
      candidates.emplace_back(alike ? titles_.similarity(text, texts_[i]) : 0.0, &sessions_[i]);
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  candidates.resize(std::min(candidates.size(), count_));
  if (choice_ == ExampleChoice::kSimilar) {
    std::reverse(candidates.begin(), candidates.end());
  }
  std::vector<const Session*> chosen;
  std::transform(candidates.begin(), candidates.end(), std::back_inserter(chosen),
                 [](const auto& candidate) { return candidate.second; });
  return chosen;
}

}  // namespace routedk::bundle
