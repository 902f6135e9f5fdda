#include "routedk/core/named_enum.h"

#include <gtest/gtest.h>

namespace routedk {
namespace {

enum class Colour { kRed, kDarkBlue, kUnnamed };
constexpr auto enum_names(Colour /*of*/) {
  return std::to_array<EnumName<Colour>>({{Colour::kDarkBlue, "dark_blue"}, {Colour::kRed, "red"}});
}
enum class Plain { kOne };

static_assert(NamedEnum<Colour> && !NamedEnum<Plain> && !NamedEnum<int>);

TEST(NamedEnum, names_and_values_follow_from_one_table) {
  for (const auto& [value, name] : enum_names(Colour{})) {
    EXPECT_EQ(name_of(value), name);
    EXPECT_EQ(find_enum<Colour>(name), value);
    EXPECT_EQ(fmt::format("{:>10}", value), fmt::format("{:>10}", name));
  }
  EXPECT_EQ(enum_list<Colour>(), "dark_blue, red");
}

TEST(NamedEnum, other_words_have_no_value_and_other_values_no_name) {
  EXPECT_EQ(find_enum<Colour>("Red"), std::nullopt);
  EXPECT_EQ(find_enum<Colour>(""), std::nullopt);
  EXPECT_THROW(name_of(Colour::kUnnamed), Error);
}

}  // namespace
}  // namespace routedk
