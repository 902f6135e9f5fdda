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

const fs::path kSample = fs::path(ROUTEDK_SOURCE_DIR) / "data" / "sample";

std::string printed(const CheckDataOptions& options) {
  std::ostringstream out;
  check_data(options, out);
  return out.str();
}

TEST(CheckData, the_sample_is_sound_in_all_domains) {
  const auto report = io::Json::parse(printed({kSample, "", true}));
  EXPECT_EQ(report.at("domains"), io::Json::parse(R"(["clothing", "electronic", "food"])"));
  EXPECT_EQ(report.at("errors"), 0);
  EXPECT_EQ(report.at("leaks"), 0);
  EXPECT_THAT(printed({kSample, "food", false}),
              ::testing::AllOf(HasSubstr("food\n"), HasSubstr("0 errors, 0 leaks")));
}

TEST(CheckData, errors_are_printed_before_they_are_thrown) {
  const testing::TemporaryFolder folder;
  fs::copy(kSample / "food", folder / "food");
  std::ofstream(folder / "food/session_item.csv", std::ios::app) << "1,x\n";
  std::ostringstream out;
  EXPECT_THAT(testing::message_of<DataError>([&] {
                check_data({folder.path(), "food", false}, out);
              }),
              HasSubstr("must keep every rule, but break some 1 times"));
  EXPECT_THAT(out.str(), HasSubstr("error: An id must be a 64-bit integer, but is `x` [id]"));
}

TEST(CheckData, a_folder_without_domains_and_an_unknown_domain_are_refused) {
  const testing::TemporaryFolder folder;
  EXPECT_THROW(printed({folder.path(), "", false}), DataError);
  EXPECT_THAT(testing::message_of<DataError>([] {
                printed({kSample, "books", false});
              }),
              HasSubstr("`books`"));
}

}  // namespace
}  // namespace routedk::workflow
