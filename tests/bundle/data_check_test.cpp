#include "routedk/bundle/data_check.h"

#include "routedk/bundle/checksums.h"
#include "routedk/core/sha256.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "bundle/domain_folder.h"
#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A folder without a fault, and what one changed file makes of it.
class DataCheck : public ::testing::Test {
 protected:
  DataCheck() {
    folder_.write("item_categories.csv", "item ID,categories\n1,a\n2,a\n3,b\n4,b\n");
    folder_.write("user_session.csv", "user ID,session ID,timestamp\n1,7,100\n2,5,100\n");
  }

  Findings check(const SplitCounts& split = {0, 0}) const {
    return check_domain(folder_.dir() / "toys", split);
  }

  /// "rule file:line" of all findings after `file` is given `content`.
  std::vector<std::string> with(const std::string& file, const std::string& content) const {
    folder_.write(file, content);
    std::vector<std::string> found;
    const Findings findings = check();
    for (const Finding& each : findings.kept()) {
      found.push_back(each.rule + " " + each.file.filename().string() + ":" + std::to_string(each.line));
    }
    return found;
  }

  DomainFolder folder_;
};

TEST_F(DataCheck, a_sound_folder_has_no_findings) {
  EXPECT_EQ(check().to_text(), "0 errors, 0 leaks, 0 warnings\n");
}

TEST_F(DataCheck, a_missing_file_and_a_torn_row_are_found) {
  EXPECT_THAT(with("bundle_intent.csv", "bundle ID,intent\n50,x\n70,\"y\n"),
              ElementsAre("csv bundle_intent.csv:0"));
  std::filesystem::remove(folder_.dir() / "toys/bundle_intent.csv");
  EXPECT_EQ(check().count("csv"), 1);
  EXPECT_THAT(check().kept().front().message, HasSubstr("must be a readable file"));
}

TEST_F(DataCheck, a_file_with_semicolons_is_found_by_them) {
  EXPECT_THAT(with("user_session.csv", "user ID;session ID;timestamp\n1;7;100\n"),
              ElementsAre("csv user_session.csv:0"));
  EXPECT_THAT(check().kept().front().message, HasSubstr("this file seems to use ;"));
}

TEST_F(DataCheck, a_missing_file_is_one_finding) {
  for (const char* file : {"session_item.csv", "session_bundle.csv", "bundle_item.csv", "bundle_intent.csv",
                           "item_categories.csv", "item_titles.csv"}) {
    const std::filesystem::path path = folder_.dir() / "toys" / file;
    const std::string content = routedk::testing::content_of(path);
    std::filesystem::remove(path);
    EXPECT_EQ(check().kept().size(), 1U) << check().to_text();
    EXPECT_THAT(check().to_text(), ::testing::EndsWith("1 error, 0 leaks, 0 warnings\n"));
    folder_.write(file, content);
  }
  EXPECT_THAT(check().kept(), IsEmpty());
}

TEST_F(DataCheck, a_split_that_leaves_nothing_to_learn_from_is_a_warning) {
  EXPECT_EQ(check({0, 1}).count("no_training_session"), 1);
  EXPECT_THAT(check({1, 0}).kept().front().message, HasSubstr("of 2 with bundles 2 are for tests and 0 for"));
  folder_.write("session_item.csv", "session ID,item ID\n5,3\n7,1\n7,2\n5,4\n");
  EXPECT_THAT(check({1, 0}).kept(), IsEmpty());
  folder_.write("session_bundle.csv", "session ID,bundle ID\n");
  folder_.write("bundle_item.csv", "bundle ID,item ID\n");
  folder_.write("bundle_intent.csv", "bundle ID,intent\n");
  EXPECT_THAT(check().to_text(), HasSubstr("of 0 with bundles"));
  EXPECT_EQ(check().count(Severity::kWarning), 1);
}

TEST_F(DataCheck, mistakes_in_split_yaml_are_errors) {
  Findings findings;
  EXPECT_EQ(check_split_file(folder_.dir(), findings).test_per_length, 20);
  std::ofstream(folder_.dir() / "split.yaml") << "test_per_lenght: 2\nval_per_length: x\n";
  check_split_file(folder_.dir(), findings);
  EXPECT_EQ(findings.count("split"), 2);
  EXPECT_EQ(findings.count(Severity::kError), 2);
  EXPECT_THAT(findings.to_text(), ::testing::AllOf(HasSubstr("split.yaml:1"), HasSubstr("split.yaml:2")));
}

TEST_F(DataCheck, swapped_columns_are_found_by_their_header) {
  EXPECT_THAT(with("user_session.csv", "session ID,user ID,timestamp\n7,7,1\n"),
              ElementsAre("header user_session.csv:1"));
}

TEST_F(DataCheck, what_is_no_id_is_found_by_line) {
  EXPECT_THAT(with("user_session.csv", "user ID,session ID,timestamp\n1,7,100\nx,5,1\n1,9.0,2\n"),
              ElementsAre("id user_session.csv:3", "id user_session.csv:4"));
}

TEST_F(DataCheck, a_repeated_item_or_text_is_found_by_line) {
  EXPECT_THAT(with("session_item.csv", "session ID,item ID\n5,3\n7,1\n7,2\n5,4\n7,1\n7,3\n"),
              ElementsAre("repeated_row session_item.csv:6"));
  folder_.write("session_item.csv", "session ID,item ID\n5,3\n7,1\n7,2\n5,4\n7,3\n");
  EXPECT_THAT(with("item_titles.csv", "item ID,titles\n1,a\n2,b\n1,c\n3,d\n4,e\n"),
              ElementsAre("repeated_row item_titles.csv:4"));
}

TEST_F(DataCheck, sessions_have_2_to_10_items) {
  std::string rows = "session ID,item ID\n5,3\n5,4\n7,1\n7,2\n8,1\n";
  for (int item = 1; item <= 11; ++item) {
    rows += "9," + std::to_string(item) + "\n";
  }
  EXPECT_THAT(with("session_item.csv", rows),
              ElementsAre("session_length session_item.csv:6", "session_length session_item.csv:7"));
}

TEST_F(DataCheck, a_bundle_has_a_session_items_and_an_intent) {
  EXPECT_THAT(with("session_bundle.csv", "session ID,bundle ID\n7,70\n5,50\n7,50\n6,71\n"),
              ElementsAre("bundle_sessions session_bundle.csv:4", "unknown_session session_bundle.csv:5",
                          "unknown_bundle session_bundle.csv:5"));
  EXPECT_THAT(with("session_bundle.csv", "session ID,bundle ID\n7,70\n"),
              ElementsAre("bundle_sessions bundle_item.csv:2"));
  folder_.write("session_bundle.csv", "session ID,bundle ID\n7,70\n5,50\n");
  EXPECT_THAT(with("bundle_intent.csv", "bundle ID,intent\n70,\" \"\n51,x\n"),
              ElementsAre("bundle_intent bundle_item.csv:2", "unknown_bundle bundle_intent.csv:3",
                          "blank_intent bundle_intent.csv:2"));
}

TEST_F(DataCheck, a_bundle_has_two_items_of_its_session) {
  EXPECT_THAT(with("bundle_item.csv", "bundle ID,item ID\n50,4\n70,1\n70,4\n"),
              ElementsAre("bundle_size bundle_item.csv:2", "bundle_outside_session bundle_item.csv:4"));
}

TEST_F(DataCheck, bytes_that_are_no_utf8_and_odd_entities_are_found) {
  EXPECT_THAT(
      with("item_titles.csv", "item ID,titles\n1,\xFF\n2,a &bogus; b\n3,&amp;quot;\n4,AT&T; &eacute;\n"),
      ElementsAre("utf8 item_titles.csv:2", "entity item_titles.csv:3", "entity item_titles.csv:4"));
}

TEST_F(DataCheck, untitled_items_of_sessions_are_a_leak_and_of_bundles_an_error) {
  EXPECT_THAT(with("item_titles.csv", "item ID,titles\n1,a\n2,b\n4,&nbsp;\n"),
              ElementsAre("bundle_title bundle_item.csv:2", "bundle_title bundle_item.csv:3",
                          "untitled_items item_titles.csv:0"));
  folder_.write("bundle_item.csv", "bundle ID,item ID\n50,4\n50,3\n70,1\n70,2\n");
  folder_.write("session_item.csv", "session ID,item ID\n5,3\n7,1\n7,2\n5,4\n7,30\n");
  folder_.write("item_titles.csv", "item ID,titles\n1,a\n2,b\n3,c\n4,d\n");
  const Findings found = check();
  EXPECT_EQ(found.count(Severity::kError), 0);
  EXPECT_EQ(found.count(Severity::kLeak), 1);
  EXPECT_THAT(found.kept().front().message,
              ::testing::AllOf(HasSubstr("the title of 1 of 5 items is missing or blank"),
                               HasSubstr("routedk-data add-titles")));
  folder_.write("item_titles_full.csv", "item ID,titles\n1,a\n2,b\n3,c\n4,d\n30,e\n");
  EXPECT_EQ(check().count(Severity::kLeak), 0);
  EXPECT_EQ(check().count("uncategorised_items"), 1);
}

TEST_F(DataCheck, users_files_name_what_there_is_as_often_as_they_like) {
  EXPECT_THAT(with("user_item.csv", "user ID,item ID,timestamp\n1,1,5\n1,77,5\n1,1,5\n"),
              ElementsAre("unknown_item user_item.csv:3"));
}

TEST_F(DataCheck, of_many_like_findings_the_first_are_shown_and_all_are_counted) {
  std::string rows = "user ID,session ID,timestamp\n";
  for (int i = 0; i < 50; ++i) {
    rows += std::to_string(i) + ",1234,0\n";
  }
  EXPECT_EQ(with("user_session.csv", rows).size(), 20U);
  EXPECT_EQ(check().count(Severity::kError), 50);
  EXPECT_THAT(check().to_text(), HasSubstr("... and 30 more [unknown_session]"));
  EXPECT_EQ(check().to_json().at("errors"), 50);
}

TEST_F(DataCheck, checksums_find_changed_and_missing_files_of_the_domains_asked_for) {
  const std::vector<std::string> toys = {"toys"};
  EXPECT_THAT(check_checksums(folder_.dir(), toys).kept(), IsEmpty());
  const std::string sound = sha256_hex(routedk::testing::content_of(folder_.dir() / "toys/item_titles.csv"));
  const std::string other(64, '0');
  std::ofstream(folder_.dir() / "SHA256SUMS") << sound << "  toys/item_titles.csv\n"
                                              << other << " *toys/session_item.csv\n"
                                              << other << "  toys/none.csv\n"
                                              << other << "  elsewhere/x.csv\n"
                                              << other << "  ../toys/x.csv\n"
                                              << "no sum\n";
  std::vector<std::int64_t> lines;
  const Findings findings = check_checksums(folder_.dir(), toys);
  for (const Finding& each : findings.kept()) {
    lines.push_back(each.line);
  }
  EXPECT_THAT(lines, ElementsAre(2, 3, 5, 6));
}

TEST(DataCheckOfReleasedData, finds_no_error_and_the_known_leaks) {
  const char* dir = std::getenv("ROUTEDK_DATA_DIR");
  if (dir == nullptr || *dir == '\0') {
    GTEST_SKIP() << "ROUTEDK_DATA_DIR names no folder of the released data set";
  }
  for (const auto& [domain, leaks] :
       {std::pair{"electronic", 0}, std::pair{"clothing", 1}, std::pair{"food", 1}}) {
    const Findings found = check_domain(std::filesystem::path(dir) / domain, default_split_counts(dir));
    EXPECT_EQ(found.count(Severity::kError), 0) << domain << "\n" << found.to_text();
    EXPECT_EQ(found.count(Severity::kLeak), leaks) << domain;
    EXPECT_EQ(found.count("blank_intent"), std::string(domain) == "electronic" ? 0 : 1);
  }
  const std::vector<std::string> domains = {"electronic", "clothing", "food"};
  EXPECT_THAT(check_checksums(dir, domains).kept(), IsEmpty());
}

}  // namespace
}  // namespace routedk::bundle
