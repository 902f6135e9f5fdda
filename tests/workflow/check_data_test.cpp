#include "routedk/workflow/data/check_data.h"

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

const fs::path kCheckedSample = fs::path(ROUTEDK_SOURCE_DIR) / "data" / "sample";

std::string printed(const CheckDataOptions& options) {
  std::ostringstream out;
  check_data(options, out);
  return out.str();
}

TEST(CheckData, the_sample_is_sound_in_all_domains) {
  const auto report = io::Json::parse(printed({kCheckedSample, "", true}));
  EXPECT_EQ(report.at("domains"), io::Json::parse(R"(["clothing", "electronic", "food"])"));
  EXPECT_EQ(report.at("errors"), 0);
  EXPECT_EQ(report.at("leaks"), 0);
  EXPECT_THAT(printed({kCheckedSample, "food", false}),
              ::testing::AllOf(HasSubstr("food\n"), HasSubstr("0 errors, 0 leaks")));
}

TEST(CheckData, errors_are_printed_before_they_are_thrown) {
  const testing::TemporaryFolder folder;
  fs::copy(kCheckedSample / "food", folder / "food");
  std::ofstream(folder / "food/session_item.csv", std::ios::app) << "1,x\n";
  std::ostringstream out;
  EXPECT_THAT(testing::message_of<DataError>([&] {
                check_data({folder.path(), "food", false}, out);
              }),
              HasSubstr("The data must be without errors, but have 1 error ("));
  EXPECT_THAT(out.str(), HasSubstr("error: An id must be a 64-bit integer, but is `x` [id]"));
}

TEST(CheckData, a_split_file_with_mistakes_is_an_error_as_in_a_run) {
  const testing::TemporaryFolder folder;
  fs::copy(kCheckedSample / "food", folder / "food");
  static_cast<void>(folder.write("split.yaml", "test_per_lenght: 2\n"));
  std::ostringstream out;
  EXPECT_THROW(check_data({folder.path(), "food", false}, out), DataError);
  EXPECT_THAT(out.str(), ::testing::AllOf(HasSubstr("did you mean `test_per_length`?"), HasSubstr("[split]"),
                                          ::testing::EndsWith("1 error, 0 leaks, 0 warnings\n")));
  static_cast<void>(folder.write("split.yaml", "test_per_length: 5000000000\n"));
  EXPECT_THAT(printed({folder.path(), "food", false}), HasSubstr("[no_training_session]"));
}

TEST(CheckData, a_folder_without_domains_and_an_unknown_domain_are_refused) {
  const testing::TemporaryFolder folder;
  EXPECT_THROW(printed({folder.path(), "", false}), DataError);
  EXPECT_THAT(testing::message_of<DataError>([] {
                printed({kCheckedSample, "books", false});
              }),
              HasSubstr("`books`"));
}

}  // namespace
}  // namespace routedk::workflow
