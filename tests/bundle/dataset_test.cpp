#include "routedk/bundle/dataset.h"

#include "routedk/core/error.h"

#include <string>

#include "bundle/domain_folder.h"
#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<ItemId> item_ids(const Session& session) {
  std::vector<ItemId> ids;
  for (const Item& item : session.items) {
    ids.push_back(item.id);
  }
  return ids;
}

std::vector<Bundle> minimal(const std::vector<Bundle>& bundles) {
  std::vector<GoldBundle> annotated;
  for (const Bundle& bundle : bundles) {
    annotated.push_back({bundle, ""});
  }
  std::vector<Bundle> kept;
  for (const GoldBundle& gold : minimal_bundles(annotated)) {
    kept.push_back(gold.items);
  }
  return kept;
}

template <typename E>
std::string refusal_of(const DomainFolder& folder, const std::string& domain = "toys") {
  return testing::message_of<E>([&] { load_dataset({folder.dir(), domain, Untitled::kError}); });
}

TEST(Dataset, keeps_sessions_with_bundles_in_the_order_of_session_bundle) {
  const DomainFolder folder;
  const Dataset data = load_dataset({folder.dir(), "toys"});
  ASSERT_EQ(data.sessions.size(), 2U);
  EXPECT_EQ(data.sessions[0].id, 7);
  EXPECT_EQ(data.sessions[0].order, 0);
  EXPECT_EQ(data.sessions[1].id, 5);
  EXPECT_EQ(data.sessions[1].order, 1);
  EXPECT_THAT(item_ids(data.sessions[0]), ElementsAre(1, 2, 3));
  EXPECT_THAT(item_ids(data.sessions[1]), ElementsAre(3, 4));
  EXPECT_EQ(data.sessions[0].items[0].category, "[[Toys,Trains]]");
  EXPECT_FALSE(data.leaky_titles);
}

TEST(Dataset, titles_and_intents_are_clean_lines_and_the_file_spelling_is_kept_aside) {
  const DomainFolder folder;
  const Dataset data = load_dataset({folder.dir(), "toys"});
  EXPECT_EQ(data.sessions[1].items[0].title, "Duck & boat");
  EXPECT_EQ(data.sessions[1].items[1].title, "Towel \"soft\"");
  EXPECT_EQ(data.sessions[1].gold[0].intent, "for the bath");
  EXPECT_EQ(data.titles.at(3), "Duck &amp; boat");
}

TEST(Dataset, full_titles_are_preferred) {
  const DomainFolder folder;
  folder.write("item_titles_full.csv", "item ID,titles\n1,one\n2,two\n3,three\n4,four\n");
  EXPECT_EQ(load_dataset({folder.dir(), "toys"}).sessions[1].items[1].title, "four");
}

TEST(Dataset, untitled_items_are_refused_with_their_number_and_the_ways_out) {
  const DomainFolder folder;
  folder.write("item_titles.csv", "item ID,titles\n1,one\n2,two\n4,four\n3,\" &nbsp; \"\n");
  const std::string message = refusal_of<DataError>(folder);
  EXPECT_THAT(message, HasSubstr("2 of 5 positions (40.0 %, 1 items) of `toys`"));
  EXPECT_THAT(message, HasSubstr("routedk-data add-titles"));
  EXPECT_THAT(message, HasSubstr("data.untitled: drop"));
}

TEST(Dataset, dropping_untitled_items_keeps_length_and_gold_and_is_stamped) {
  const DomainFolder folder;
  folder.write("item_titles.csv", "item ID,titles\n1,one\n2,two\n4,four\n");
  const Dataset data = load_dataset({folder.dir(), "toys", Untitled::kDrop});
  EXPECT_TRUE(data.leaky_titles);
  EXPECT_THAT(item_ids(data.sessions[0]), ElementsAre(1, 2));
  EXPECT_EQ(data.sessions[0].length, 3);
  EXPECT_THAT(item_ids(data.sessions[1]), ElementsAre(4));
  EXPECT_EQ(data.sessions[1].gold[0].items, (Bundle{4, 3}));
  EXPECT_EQ(data.title_count.untitled_positions, 2);
}

TEST(Dataset, dropping_where_every_item_is_titled_leaks_nothing) {
  const DomainFolder folder;
  EXPECT_FALSE(load_dataset({folder.dir(), "toys", Untitled::kDrop}).leaky_titles);
}

TEST(Dataset, keeping_untitled_items_leaves_their_titles_empty) {
  const DomainFolder folder;
  folder.write("item_titles.csv", "item ID,titles\n1,one\n2,two\n4,four\n");
  const Dataset data = load_dataset({folder.dir(), "toys", Untitled::kKeep});
  EXPECT_THAT(item_ids(data.sessions[0]), ElementsAre(1, 2, 3));
  EXPECT_EQ(data.sessions[0].items[2].title, "");
  EXPECT_FALSE(data.leaky_titles);
}

TEST(Dataset, an_unknown_domain_is_refused_with_those_that_exist) {
  const DomainFolder folder;
  for (const char* domain : {"games", "", "../toys", "."}) {
    EXPECT_THAT(refusal_of<DataError>(folder, domain), HasSubstr("[toys]")) << domain;
  }
}

TEST(Dataset, a_missing_folder_or_file_is_named) {
  const DomainFolder folder;
  std::filesystem::create_directories(folder.dir() / "games");
  EXPECT_THAT(refusal_of<DataError>(folder, "games"), HasSubstr("must have session_item.csv"));
  std::filesystem::remove(folder.dir() / "toys" / "bundle_item.csv");
  EXPECT_THAT(refusal_of<FileError>(folder), HasSubstr("bundle_item.csv"));
  EXPECT_THROW(list_domains(folder.dir() / "none"), FileError);
  std::filesystem::remove_all(folder.dir());
  EXPECT_THAT(refusal_of<FileError>(folder), HasSubstr("$ROUTEDK_DATA_DIR must be a folder"));
}

struct BadFile {
  const char* file;
  const char* text;
  const char* message;
};

TEST(Dataset, bad_content_is_refused_with_file_and_line) {
  const BadFile cases[] = {
      {"session_item.csv", "s,i\n7,1\n7,2\n7,1\n", "7,1 occurs again"},
      {"session_item.csv", "s,i\n7,1\nx7,2\n", "`x7` instead"},
      {"session_item.csv", "s,i\n7,1\n7,9223372036854775808\n", "session_item.csv:3"},
      {"session_item.csv", "s,i\n7,1.5\n", "session_item.csv:2"},
      {"session_item.csv", "s,i\n7,\n", "session_item.csv:2"},
      {"session_item.csv", "s,i\n7,1\n7,2\n", "Session 5 must have items"},
      {"session_item.csv", "s,i\n7,1\n", "session 7 has 1"},
      {"session_item.csv", "s,i\n7,1\n7,2\n7,3\n7,4\n7,5\n7,6\n7,7\n7,8\n7,9\n7,10\n7,11\n",
       "session 7 has 11"},
      {"session_bundle.csv", "s,b\n7,70\n7,70\n", "session_bundle.csv:3"},
      {"session_bundle.csv", "s,b\n7,71\n", "bundle 71 of session 7 has 0"},
      {"bundle_item.csv", "b,i\n50,4\n50,3\n70,1\n", "bundle 70 of session 7 has 1"},
      {"bundle_item.csv", "b,i\n50,4\n50,3\n70,1\n70,4\n", "item 4 of bundle 70 is not in session 7"},
      {"bundle_item.csv", "b,i\n50,4\n50,3\n70,1\n70,4\n", "bundle_item.csv:5"},
      {"session_item.csv", "7,1\n7,2\n7,3\n", "must begin with a line of column names, but begins with 7,1"},
      {"bundle_intent.csv", "b,i\n50,a\n50,b\n", "bundle_intent.csv:3"},
      {"item_titles.csv", "i,t\n1,\xFF\n", "item_titles.csv:2"},
  };
  for (const BadFile& bad : cases) {
    const DomainFolder folder;
    folder.write(bad.file, bad.text);
    EXPECT_THAT(refusal_of<DataError>(folder), HasSubstr(bad.message)) << bad.text;
  }
}

TEST(MinimalBundles, duplicates_and_proper_supersets_are_dropped_in_order) {
  EXPECT_EQ(minimal({{1, 2, 3}, {2, 1}, {4, 5}}), (std::vector<Bundle>{{2, 1}, {4, 5}}));
  EXPECT_EQ(minimal({{1, 2}, {2, 1}, {1, 2}}), (std::vector<Bundle>{{1, 2}}));
  EXPECT_EQ(minimal({{1, 2, 3}, {1, 2}, {1, 2, 3, 4}, {3, 4}}), (std::vector<Bundle>{{1, 2}, {3, 4}}));
  EXPECT_EQ(minimal({{1, 2}, {2, 3}}), (std::vector<Bundle>{{1, 2}, {2, 3}}));
}

TEST(Untitled, only_error_and_drop_are_words_of_the_configuration) {
  EXPECT_EQ(find_enum<Untitled>("error"), Untitled::kError);
  EXPECT_EQ(find_enum<Untitled>("drop"), Untitled::kDrop);
  EXPECT_EQ(find_enum<Untitled>("keep"), std::nullopt);
}

}  // namespace
}  // namespace routedk::bundle
