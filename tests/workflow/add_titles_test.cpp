#include "routedk/workflow/data/add_titles.h"

#include "routedk/bundle/dataset.h"
#include "routedk/core/error.h"
#include "routedk/io/jsonl.h"

#include <sstream>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A shop whose items 30 and 40 have no title, as unbundled items of the released data; item 10 times n has
/// the ASIN An.
class AddTitles : public ::testing::Test {
 protected:
  AddTitles() {
    fs::create_directories(folder_ / "shop");
    folder_.write("shop/session_item.csv", "session ID,item ID\n1,10\n1,20\n1,30\n1,40\n");
    folder_.write("shop/session_bundle.csv", "session ID,bundle ID\n1,5\n");
    folder_.write("shop/bundle_item.csv", "bundle ID,item ID\n5,10\n5,20\n");
    folder_.write("shop/bundle_intent.csv", "bundle ID,intent\n5,light\n");
    folder_.write("shop/item_categories.csv", "item ID,categories\n");
    folder_.write("shop/item_titles.csv", "item ID,titles\n10,lamp\n20,shade\n");
    options_.data_dir = folder_.path();
    options_.domain = "shop";
    options_.mapping = folder_.write("mapping.csv", "item ID,source ID\n30,A3\n40,A4\n");
    options_.metadata = folder_.write("meta.json", "{'asin': 'A3', 'title': 'tea'}\nbroken\n");
  }
  std::string printed() {
    std::ostringstream out;
    add_titles(options_, out);
    return out.str();
  }

  testing::TemporaryFolder folder_;
  AddTitlesOptions options_;
};

TEST_F(AddTitles, the_report_counts_what_was_filled_and_what_stays_without) {
  EXPECT_THAT(printed(), HasSubstr("titles of 4 items: 2 present, 1 filled, 1 missing"));
  fs::remove(folder_ / "shop/item_titles_full.csv");
  options_.json = true;
  const auto report = io::Json::parse(printed());
  EXPECT_EQ(report.at("titled_before"), 2);
  EXPECT_EQ(report.at("filled"), 1);
  EXPECT_EQ(report.at("untitled").at("not_in_metadata"), 1);
  EXPECT_EQ(report.at("bad_lines"), 1);
}

TEST_F(AddTitles, the_loader_accepts_a_domain_once_all_its_titles_are_there) {
  const auto load = [&] { return bundle::load_dataset({folder_.path(), "shop"}); };
  printed();
  EXPECT_THROW(load(), DataError);
  folder_.write("meta.json", "{'asin': 'A4', 'title': 'cup'}\n");
  printed();
  EXPECT_EQ(load().sessions.at(0).items.at(3).title, "cup");
  EXPECT_FALSE(load().leaky_titles);
}

TEST_F(AddTitles, another_output_leaves_the_domain_alone) {
  options_.output = folder_ / "elsewhere.csv";
  printed();
  EXPECT_TRUE(fs::exists(options_.output));
  EXPECT_FALSE(fs::exists(folder_ / "shop/item_titles_full.csv"));
}

TEST_F(AddTitles, metadata_without_a_product_are_refused_and_nothing_is_written) {
  options_.metadata = folder_.write("meta.json", "item,title\n30,tea\n");
  EXPECT_THAT(testing::message_of<FileError>([&] { printed(); }),
              HasSubstr("meta.json must have a product in some line, but none of its 2 lines is one"));
  EXPECT_FALSE(fs::exists(folder_ / "shop/item_titles_full.csv"));
}

TEST_F(AddTitles, the_limit_of_bad_lines_is_the_callers) {
  options_.max_bad_lines = 0;
  EXPECT_THROW(printed(), FileError);
}

}  // namespace
}  // namespace routedk::workflow
