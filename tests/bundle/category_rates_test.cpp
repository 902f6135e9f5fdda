#include "routedk/bundle/category_rates.h"

#include "routedk/bundle/category.h"
#include "routedk/bundle/dataset.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

Session categorised(SessionId id, const std::vector<std::string>& categories, std::vector<Bundle> gold) {
  Session made;
  made.id = id;
  for (const std::string& category : categories) {
    made.items.push_back({static_cast<ItemId>(made.items.size()) + 1, "", category});
  }
  for (Bundle& bundle : gold) {
    made.gold.push_back({std::move(bundle), ""});
  }
  return made;
}

TEST(CategoryRates, each_level_is_shrunk_to_the_one_above) {
  const std::vector<Session> training = {
      categorised(10, {"[[A,Lamps]]", "[[A,Shades]]", "[[B,Tea]]"}, {{1, 2}}),
      categorised(11, {"[[A,Shades]]", "[[A,Lamps]]", ""}, {{1, 2, 3}})};
  const CategoryRates rates(training);
  const double root = 2.0 / (4 + 10);  // of four pairs with categories two are joined
  const double both_a = (2 + 10 * root) / (2 + 10);
  EXPECT_DOUBLE_EQ(rates.rate("[[A,Lamps]]", "[[A,Shades]]"), (2 + 10 * both_a) / (2 + 10));
  EXPECT_DOUBLE_EQ(rates.rate("[[A,Shades]]", "[[A,Lamps]]"), rates.rate("[[A,Lamps]]", "[[A,Shades]]"));
  EXPECT_DOUBLE_EQ(rates.rate("[[A,Lamps]]", "[[A,Lamps]]"), both_a) << "never seen: the level above";
  const double a_and_b = (0 + 10 * root) / (2 + 10);
  EXPECT_DOUBLE_EQ(rates.rate("[[A,New]]", "[[B,Tea]]"), a_and_b);
  EXPECT_DOUBLE_EQ(rates.rate("[[A]]", "[[B,Tea]]"), a_and_b) << "the shorter path stays at its leaf";
  EXPECT_EQ(rates.rate("", "[[A,Lamps]]"), 0.0);
  EXPECT_EQ(CategoryRates().rate("[[A]]", "[[A]]"), 0.0);
}

TEST(CategoryRates, a_leaf_alone_is_looked_up) {
  const std::vector<Session> training = {
      categorised(10, {"[[A,Lamps]]", "[[A,Shades]]", "[[B,Tea]]"}, {{1, 2}})};
  const CategoryRates rates(training);
  EXPECT_EQ(rates.rate("Lamps", "Shades"), rates.rate("[[A,Lamps]]", "[[A,Shades]]"));
  EXPECT_NE(rates.rate("Lamps", "Shades"), rates.rate("Lamps", "Curtains"));
  EXPECT_NE(rates.rate("[[Lamps]]", "[[A,Shades]]"), rates.rate("Lamps", "Shades"))
      << "a path is taken as it is";
}

/// The rate by definition: goes through all pairs of all sessions again for each level.
double naive_rate(const std::vector<Session>& training, const std::string& a, const std::string& b) {
  const std::vector<std::string> path_a = category_path(a);
  const std::vector<std::string> path_b = category_path(b);
  const auto ancestor = [](const std::vector<std::string>& path, std::size_t level) {
    return std::vector<std::string>(path.begin(),
                                    path.begin() + static_cast<std::ptrdiff_t>(std::min(level, path.size())));
  };
  double rate = 0.0;
  for (std::size_t level = 0; level <= std::max(path_a.size(), path_b.size()); ++level) {
    const std::multiset<std::vector<std::string>> wanted{ancestor(path_a, level), ancestor(path_b, level)};
    double seen = 0;
    double joined = 0;
    for (const Session& each : training) {
      for (const Item& first : each.items) {
        for (const Item& second : each.items) {
          const auto of_first = category_path(first.category);
          const auto of_second = category_path(second.category);
          bool alike = false;  // at some level of theirs they are the two nodes
          for (std::size_t at = 0; at <= std::max(of_first.size(), of_second.size()); ++at) {
            alike |= std::multiset<std::vector<std::string>>{ancestor(of_first, at),
                                                             ancestor(of_second, at)} == wanted;
          }
          if (first.id >= second.id || of_first.empty() || of_second.empty() || !alike) {
            continue;
          }
          ++seen;
          joined += std::any_of(each.gold.begin(), each.gold.end(),
                                [&](const GoldBundle& gold) {
                                  const std::set<ItemId> items(gold.items.begin(), gold.items.end());
                                  return items.contains(first.id) && items.contains(second.id);
                                })
                        ? 1
                        : 0;
        }
      }
    }
    rate = (joined + 10 * rate) / (seen + 10);
  }
  return rate;
}

TEST(CategoryRates, equal_the_definition_and_leave_one_session_out) {
  const auto sample = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "data" / "sample";
  std::vector<Session> training = load_dataset({sample, "electronic"}).sessions;
  training.resize(24);
  const CategoryRates rates(training);
  const Session left_out = training.back();
  const std::vector<Session> others(training.begin(), training.end() - 1);
  int checked = 0;
  for (const Item& a : left_out.items) {
    for (const Item& b : left_out.items) {
      if (a.id < b.id) {
        EXPECT_NEAR(rates.rate(a.category, b.category), naive_rate(training, a.category, b.category), 1e-12);
        EXPECT_DOUBLE_EQ(rates.rate(a.category, b.category, rates.counts_of(left_out)),
                         CategoryRates(others).rate(a.category, b.category));
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace routedk::bundle
