#include "routedk/bundle/complete_titles.h"

#include "routedk/bundle/dataset.h"
#include "routedk/bundle/domain_tables.h"
#include "routedk/core/error.h"

#include <string>
#include <vector>

#include "bundle/domain_folder.h"
#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using routedk::testing::content_of;
using routedk::testing::message_of;
using ::testing::HasSubstr;

/// Items 1 to 4 have sessions with bundles; 1 has a title, 2 a blank one, 3 and 4 none.
class CompleteTitles : public ::testing::Test {
 protected:
  CompleteTitles() {
    folder_.write("item_titles.csv", "item ID,titles\n1,Red &amp; train\n2, \n");
    folder_.write("mapping.csv", "item ID,source ID\n1,AA1\n2,BB2\n3,CC3\n9,DD9\n");
  }

  TitleCoverage complete(const std::string& metadata) {
    folder_.write("meta.json", metadata);
    return complete_titles({domain_, domain_ / "mapping.csv", {domain_ / "meta.json"}, output_},
                           [&](const std::string& message) { bad_.push_back(message); });
  }
  Dataset load() const { return load_dataset({folder_.dir(), "toys", Untitled::kKeep}); }

  DomainFolder folder_;
  std::filesystem::path domain_ = folder_.dir() / "toys";
  std::filesystem::path output_ = domain_ / "item_titles_full.csv";
  std::vector<std::string> bad_;
};

TEST_F(CompleteTitles, untitled_items_get_their_clean_title_and_the_loader_reads_it) {
  const TitleCoverage coverage = complete(
      "{'asin': 'AA1', 'title': 'Blue train'}\n{'asin': 'BB2', 'title': 'Rail, 3&quot; \\n &amp;lt; wide'}\n"
      "{'asin': 'BB2', 'title': 'again'}\n{'asin': 'CC3', 'title': 'Duck &amp; boat'}\n{'asin': 'DD9'}\n");
  EXPECT_EQ(coverage.items, 4);
  EXPECT_EQ(coverage.titled, 1);
  EXPECT_EQ(coverage.filled, 2);
  EXPECT_EQ(coverage.unmapped, 1);
  EXPECT_EQ(content_of(output_),
            "item ID,titles\n1,Red &amp; train\n2,\"Rail, 3\"\" &amp;lt; wide\"\n3,Duck & boat\n");
  const Dataset data = load();
  for (const Session& session : data.sessions) {
    for (const Item& item : session.items) {
      const char* titles[] = {"Red & train", "Rail, 3\" &lt; wide", "Duck & boat", ""};
      EXPECT_EQ(item.title, titles[item.id - 1]);
    }
  }
}

TEST_F(CompleteTitles, what_stays_untitled_is_counted_by_its_cause) {
  const TitleCoverage coverage = complete("{'asin': 'BB2', 'title': '&nbsp; '}\nbroken\n");
  EXPECT_EQ(coverage.filled, 0);
  EXPECT_EQ(coverage.blank_title, 1);  // item 2
  EXPECT_EQ(coverage.unlisted, 1);     // item 3
  EXPECT_EQ(coverage.unmapped, 1);     // item 4
  EXPECT_EQ(coverage.metadata.products, 1);
  EXPECT_EQ(coverage.metadata.bad_lines, 1);
  EXPECT_THAT(bad_, ::testing::ElementsAre(HasSubstr("meta.json:2)")));
}

TEST_F(CompleteTitles, a_second_file_goes_on_from_the_first) {
  complete("{'asin': 'BB2', 'title': 'Rail'}\n");
  const TitleCoverage coverage =
      complete("{'asin': 'BB2', 'title': 'other'}\n{'asin': 'CC3', 'title': 'Duck'}\n");
  EXPECT_EQ(coverage.titled, 2);
  EXPECT_EQ(coverage.filled, 1);
  EXPECT_EQ(read_texts(output_).at(2), "Rail");
  EXPECT_EQ(read_texts(output_).at(3), "Duck");
}

TEST_F(CompleteTitles, a_failure_leaves_the_titles_as_they_were) {
  complete("{'asin': 'BB2', 'title': 'Rail'}\n");
  const std::string before = content_of(output_);
  std::string many;
  for (int i = 0; i <= 1000; ++i) {
    many += "no product\n";
  }
  EXPECT_THROW(complete("{'asin': 'CC3', 'title': 'Duck'}\n" + many), FileError);
  EXPECT_EQ(content_of(output_), before);
}

TEST_F(CompleteTitles, a_wrong_mapping_is_named_by_file_and_line) {
  const auto refusal = [&](const char* rows) {
    folder_.write("mapping.csv", std::string("item ID,source ID\n") + rows);
    return message_of<DataError>([&] { complete(""); });
  };
  EXPECT_THAT(refusal("1,AA1\nBB2,2\n"), HasSubstr("mapping.csv:3)"));
  EXPECT_THAT(refusal("2,B B\n"), HasSubstr("An ASIN must be 1 to 20 letters and digits, but is `B B`"));
  EXPECT_THAT(refusal("2,BB2\n2,CC3\n"), HasSubstr("item 2 occurs again"));
}

}  // namespace
}  // namespace routedk::bundle
