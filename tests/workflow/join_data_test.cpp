#include "routedk/workflow/data/join_data.h"

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/split.h"
#include "routedk/core/error.h"
#include "routedk/workflow/data/check_data.h"

#include <algorithm>
#include <sstream>
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

const fs::path kSample = fs::path(ROUTEDK_SOURCE_DIR) / "data" / "sample";

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

std::vector<bundle::SessionId> ids(const std::vector<Session>& sessions) {
  std::vector<bundle::SessionId> all;
  std::ranges::transform(sessions, std::back_inserter(all), &Session::id);
  return all;
}

class JoinData : public ::testing::Test {
 protected:
  JoinData() { options_ = {{kSample, "electronic", std::nullopt}, {"clothing", "food"}, folder_ / "joined"}; }
  std::string printed() {
    std::ostringstream out;
    join_data(options_, out);
    return out.str();
  }
  static bundle::Split split_of(const fs::path& dir, const std::string& domain) {
    return bundle::split_sessions(bundle::load_dataset({dir, domain}).sessions,
                                  bundle::default_split_counts(dir));
  }

  testing::TemporaryFolder folder_;
  JoinDataOptions options_;
};

TEST_F(JoinData, the_evaluated_domain_keeps_its_split_and_learns_from_the_others_training_sessions) {
  EXPECT_THAT(printed(), HasSubstr("electronic: 144 sessions, with 144 of clothing, food for training\n"));
  const bundle::Split joined = split_of(options_.output, "electronic");
  const bundle::Split own = split_of(kSample, "electronic");
  for (const auto& [of_joined, of_own] :
       {std::pair(&joined.val, &own.val), std::pair(&joined.test, &own.test)}) {
    EXPECT_EQ(ids(*of_joined), ids(*of_own));
    EXPECT_EQ(all_told(*of_joined), all_told(*of_own));
  }
  std::vector<std::string> expected;
  for (const char* domain : {"clothing", "food", "electronic"}) {
    const std::vector<std::string> texts = all_told(split_of(kSample, domain).train);
    expected.insert(expected.end(), texts.begin(), texts.end());
  }
  EXPECT_THAT(all_told(joined.train), ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(JoinData, the_result_is_valid_data) {
  printed();
  std::ostringstream out;
  check_data({options_.output, "", true}, out);
  EXPECT_EQ(io::Json::parse(out.str()).at("errors"), 0);
}

TEST_F(JoinData, texts_and_blank_titles_survive_and_ids_of_others_are_negative) {
  const bundle::DomainFolder shop;  // with quotes, newlines and an entity
  shop.write("item_titles.csv",
             "item ID,titles\n1,Red train\n2,\n3,Duck &amp; boat\n4,\" Towel\n \"\"soft\"\" \"\n");
  fs::copy(shop.dir() / "toys", shop.dir() / "other");
  options_.evaluated = {shop.dir(), "toys", bundle::SplitCounts{1, 0}};
  options_.others = {"other"};
  EXPECT_THAT(printed(), HasSubstr("without a title: 1 item at 1 position."));
  const auto loaded = [](const fs::path& dir, const char* domain) {
    return bundle::load_dataset({dir, domain, bundle::Untitled::kKeep});
  };
  const bundle::Dataset own = loaded(shop.dir(), "toys");
  const bundle::Dataset joined = loaded(options_.output, "toys");
  EXPECT_EQ(all_told(joined.sessions), all_told(own.sessions)) << "other's are all for its test";
  EXPECT_EQ(joined.titles.size(), 2 * own.titles.size());
  for (const auto& [id, title] : own.titles) {
    EXPECT_EQ(joined.titles.at(id), title);
  }
  EXPECT_LT(joined.titles.begin()->first, 0);
  EXPECT_EQ(testing::content_of(options_.output / "split.yaml"), "test_per_length: 1\nval_per_length: 0\n");
}

TEST_F(JoinData, a_length_of_which_the_evaluated_domain_has_too_few_is_refused) {
  const bundle::DomainFolder few;
  fs::copy(kSample / "food", few.dir() / "food");
  options_.evaluated = {few.dir(), "toys", bundle::SplitCounts{7, 1}};
  options_.others = {"food"};
  EXPECT_THAT(
      testing::message_of<DataError>([&] { printed(); }),
      HasSubstr("`toys` must have 8 sessions of length 2 for validation and test, since others add some, "
                "but has 1"));
  EXPECT_FALSE(fs::exists(options_.output));
}

TEST_F(JoinData, an_id_that_leaves_no_room_below_it_is_refused) {
  const bundle::DomainFolder shop;
  shop.write("item_categories.csv", "item ID,categories\n-9223372036854775808,none\n");
  fs::copy(kSample / "food", shop.dir() / "food");
  options_.evaluated = {shop.dir(), "toys", std::nullopt};
  options_.others = {"food"};
  EXPECT_THAT(testing::message_of<DataError>([&] { printed(); }),
              HasSubstr("The item ids of a domain must be at least -2^62"));
}

TEST_F(JoinData, a_domain_joined_twice_and_a_folder_that_exists_are_refused) {
  options_.others = {"food", "electronic"};
  EXPECT_THAT(testing::message_of<ConfigError>([&] { printed(); }), HasSubstr("repeat `electronic`"));
  options_.others = {"food"};
  options_.output = folder_.path();
  EXPECT_THAT(testing::message_of<ConfigError>([&] { printed(); }), HasSubstr("--to must be a new folder"));
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

}  // namespace
}  // namespace routedk::workflow
