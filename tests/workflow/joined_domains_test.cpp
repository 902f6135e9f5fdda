#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"
#include "routedk/core/error.h"
#include "routedk/workflow/experiment/session_data.h"

#include <algorithm>
#include <utility>

#include "bundle/domain_folder.h"
#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using bundle::Session;
using ::testing::HasSubstr;

const fs::path kDomains = fs::path(ROUTEDK_SOURCE_DIR) / "data" / "sample";

/// What a session says, without its ids: titles and categories in click order, then bundles by their titles.
std::string told(const Session& session) {
  std::string text;
  for (const bundle::Item& item : session.items) {
    text += item.title + '|' + item.category + '\n';
  }
  for (const bundle::GoldBundle& gold : session.gold) {
    text += gold.intent + ':';
    for (const bundle::ItemId id : gold.items) {
      text += std::ranges::find(session.items, id, &bundle::Item::id)->title + ';';
    }
  }
  return text;
}

std::vector<std::string> all_told(const std::vector<Session>& sessions) {
  std::vector<std::string> texts;
  std::ranges::transform(sessions, std::back_inserter(texts), told);
  return texts;
}

std::vector<bundle::SessionId> ids_in_order(const std::vector<Session>& sessions) {
  std::vector<bundle::SessionId> all;
  std::ranges::transform(sessions, std::back_inserter(all), &Session::id);
  return all;
}

ExperimentConfig config_of(const fs::path& dir, std::vector<std::string> with) {
  ExperimentConfig config;
  config.data.dir = dir.string();
  config.data.with = std::move(with);
  return config;
}

bundle::Split split_with(std::vector<std::string> others) {
  const ExperimentConfig config = config_of(kDomains, std::move(others));
  return split_of(config, dataset_of(config));
}

TEST(JoinedDomains, the_evaluated_domain_keeps_its_split_and_learns_from_the_others_training_sessions) {
  const bundle::Split joined = split_with({"clothing", "food"});
  const bundle::Split own = split_with({});
  for (const auto& [of_joined, of_own] :
       {std::pair(&joined.val, &own.val), std::pair(&joined.test, &own.test)}) {
    EXPECT_EQ(ids_in_order(*of_joined), ids_in_order(*of_own));
    EXPECT_EQ(all_told(*of_joined), all_told(*of_own));
  }
  std::vector<std::string> expected;
  for (const char* domain : {"clothing", "food", "electronic"}) {
    const bundle::Dataset data = bundle::load_dataset({kDomains, domain});
    const auto train = bundle::split_sessions(data.sessions, bundle::default_split_counts(kDomains)).train;
    std::ranges::copy(all_told(train), std::back_inserter(expected));
  }
  EXPECT_THAT(all_told(joined.train), ::testing::UnorderedElementsAreArray(expected));
}

TEST(JoinedDomains, ids_of_the_others_are_negative_and_what_was_dropped_is_told_of_all) {
  const bundle::DomainFolder shop;
  shop.write("session_item.csv", "session ID,item ID\n5,3\n7,1\n7,2\n5,4\n7,8\n");  // 8 has no title
  fs::copy(kDomains / "food", shop.dir() / "food");
  ExperimentConfig config = config_of(shop.dir(), {"toys"});
  config.data.domain = "food";
  config.data.untitled = bundle::Untitled::kDrop;
  config.split = {0, 0, 0};
  const bundle::Dataset own = bundle::load_dataset({shop.dir(), "food"});
  const bundle::Dataset toys = bundle::load_dataset({shop.dir(), "toys", bundle::Untitled::kDrop});
  const bundle::Dataset joined = dataset_of(config);
  EXPECT_EQ(joined.sessions.size(), own.sessions.size() + toys.sessions.size());
  EXPECT_LT(joined.sessions.front().id, 0);
  EXPECT_LT(joined.sessions.front().items.front().id, 0);
  EXPECT_EQ(joined.titles.size(), own.titles.size() + toys.titles.size());
  for (const auto& [id, title] : own.titles) {
    EXPECT_EQ(joined.titles.at(id), title);
  }
  EXPECT_FALSE(own.leaky_titles);
  EXPECT_TRUE(joined.leaky_titles);
  EXPECT_EQ(joined.title_count.positions, own.title_count.positions);
}

TEST(JoinedDomains, a_length_of_which_the_evaluated_domain_has_too_few_is_refused) {
  const bundle::DomainFolder few;
  fs::copy(kDomains / "food", few.dir() / "food");
  ExperimentConfig config = config_of(few.dir(), {"food"});
  config.data.domain = "toys";
  config.split = {7, 1, 0};
  EXPECT_THAT(
      testing::message_of<DataError>([&] { dataset_of(config); }),
      HasSubstr("`toys` must have 8 sessions of length 2 for validation and test, since others add some, "
                "but has 1"));
}

TEST(JoinedDomains, an_id_that_leaves_no_room_below_it_is_refused) {
  const bundle::DomainFolder shop;
  shop.write("item_categories.csv", "item ID,categories\n-9223372036854775808,none\n");
  fs::copy(kDomains / "food", shop.dir() / "food");
  ExperimentConfig config = config_of(shop.dir(), {"food"});
  config.data.domain = "toys";
  EXPECT_THAT(testing::message_of<DataError>([&] { dataset_of(config); }),
              HasSubstr("The item ids of a domain must be at least -2^62"));
}

TEST(JoinedDomains, a_domain_named_twice_and_an_unknown_one_are_refused) {
  const auto refusal = [](std::vector<std::string> with) {
    std::vector<std::string> problems;
    ExperimentConfig config = config_of(kDomains, std::move(with));
    config.experts = {"base"};
    config.validate(problems);
    return ::testing::PrintToString(problems);
  };
  EXPECT_THAT(refusal({"food", "food"}),
              HasSubstr("`data.with` must name each domain once, but repeats `food`"));
  EXPECT_THAT(testing::message_of<DataError>([] { split_with({"toys"}); }), HasSubstr("toys"));
}

}  // namespace
}  // namespace routedk::workflow
