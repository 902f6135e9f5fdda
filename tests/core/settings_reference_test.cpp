#include "routedk/core/settings_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

enum class Paint { kRed, kGreen };
constexpr auto enum_names(Paint /*of*/) {
  return std::to_array<EnumName<Paint>>({{Paint::kRed, "red"}, {Paint::kGreen, "green"}});
}

struct PartConfig {
  std::string name;
  double share = 0.5;
  template <typename F>
  void fields(F& f) {
    f("name", name, "what it is called");
    f("share", share, "of all", between(0, 1));
  }
};

struct WholeConfig {
  std::string file = "a b";
  std::optional<std::int64_t> limit;
  std::vector<Paint> colours = {Paint::kGreen};
  PartConfig part{"main", 0.25};
  std::vector<PartConfig> others;
  ConfigTree free;
  bool loud = true;
  template <typename F>
  void fields(F& f) {
    f("file", file, "what is read", InputPath());
    f("limit", limit, "at most; null: all", at_least(1));
    f("colours", colours, "side by side");
    f("part", part, "the main one");
    f("others", others, "more of them");
    f("free", free, "a | b");
    f("loud", loud, "say it");
  }
};

TEST(SettingsReference, has_default_range_and_meaning_of_every_field_by_section) {
  const auto since = [](const std::string& name) { return name == "loud" ? "2.0" : "1.0"; };
  EXPECT_EQ(settings_markdown(setting_groups<WholeConfig>(), since),
            "## Top level\n\n"
            "| setting | default | value | meaning | since |\n|---|---|---|---|---|\n"
            "| `file` | `\"a b\"` | path | what is read | 1.0 |\n"
            "| `limit` | `null` | integer, at least 1, or null | at most; null: all | 1.0 |\n"
            "| `colours` | `[green]` | list of: red, green | side by side | 1.0 |\n"
            "| `others` | `[]` | list of: section | more of them | 1.0 |\n"
            "| `others[].name` | `\"\"` | text | what it is called | 1.0 |\n"
            "| `others[].share` | `0.5` | number, between 0 and 1 | of all | 1.0 |\n"
            "| `free` | `{}` | section | a \\| b | 1.0 |\n"
            "| `loud` | `true` | true or false | say it | 2.0 |\n\n"
            "## part\n\nthe main one\n\n"
            "| setting | default | value | meaning | since |\n|---|---|---|---|---|\n"
            "| `part.name` | `main` | text | what it is called | 1.0 |\n"
            "| `part.share` | `0.25` | number, between 0 and 1 | of all | 1.0 |\n\n");
}

TEST(SettingsReference, names_what_stands_below_a_path) {
  const SettingGroups groups = setting_groups<PartConfig>("part", "one");
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups.front().entries.front().name, "part.name");
}

}  // namespace
}  // namespace routedk
