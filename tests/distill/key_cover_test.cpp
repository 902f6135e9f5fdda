#include "routedk/distill/key_cover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

const std::string kKey = "sk-proj-4Fq9ZtB7mKx2-Vw8R_yN1cD6";

TEST(KeyCover, a_key_is_covered_whole_and_in_the_forms_that_models_write_it) {
  const KeyCover cover(kKey);
  EXPECT_EQ(cover.cover("With " + kKey + " all is well."), "With *** all is well.");
  EXPECT_EQ(cover.cover("SK-PROJ-4FQ9ZTB7MKX2-VW8R_YN1CD6"), "***");
  EXPECT_EQ(cover.cover("s k - p r o j - 4 F q 9 Z t B 7 m K x 2 - V w 8 R _ y N 1 c D 6."), "***.");
  EXPECT_EQ(cover.cover("\"sk-proj-4Fq9\" + \"ZtB7mKx2-\"\n + \"Vw8R_yN1cD6\""), "\"***\"");
  EXPECT_EQ(cover.cover("736b2d70726f6a2d344671395a7442376d4b78322d567738525f794e31634436"), "***");
}

TEST(KeyCover, base64_is_covered_whatever_stands_before_the_key) {
  const KeyCover cover(kKey);
  for (const char* text : {"c2stcHJvai00RnE5WnRCN21LeDItVnc4Ul95TjFjRDY=",             // the key
                           "a2V5OnNrLXByb2otNEZxOVp0QjdtS3gyLVZ3OFJfeU4xY0Q2",         // key:KEY
                           "QmVhcmVyIHNrLXByb2otNEZxOVp0QjdtS3gyLVZ3OFJfeU4xY0Q2"}) {  // Bearer KEY
    const std::string covered = cover.cover(text);
    EXPECT_THAT(covered, ::testing::HasSubstr("***"));
    EXPECT_LT(covered.size(), 20U) << covered;
  }
}

TEST(KeyCover, a_part_of_a_key_is_covered_and_what_is_none_is_left) {
  const KeyCover cover(kKey);
  EXPECT_EQ(cover.cover("the first half is sk-proj-4Fq9Zt, the second VB"),
            "the first half is ***, the second VB");
  EXPECT_EQ(cover.cover("first sk-proj-4Fq9ZtB7 then mKx2-Vw8R_yN1cD6"), "first *** then ***");
  const std::string innocent = "Rule: group a projector (4F q9) with its screen.";
  EXPECT_EQ(cover.cover(innocent), innocent);
  EXPECT_EQ(cover.cover(""), "");
}

TEST(KeyCover, short_keys_are_covered_as_they_are_written_and_none_covers_nothing) {
  EXPECT_EQ(KeyCover("abc-1").cover("abc-1, ABC-1, abc1"), "***, ABC-1, abc1");
  EXPECT_EQ(KeyCover("abcd-12345").cover("ABCD 12345 abcd-1234"), "*** abcd-1234");
  EXPECT_EQ(KeyCover("").cover("abc"), "abc");
}

}  // namespace
}  // namespace routedk::distill
