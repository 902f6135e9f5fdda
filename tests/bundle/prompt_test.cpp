#include "routedk/bundle/prompt.h"

#include "routedk/core/error.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kPrompts = fs::path(ROUTEDK_SOURCE_DIR) / "configs" / "prompts";

Session two_items() {
  Session session;
  session.items = {{1, "a {{rules}} lamp", ""}, {2, "a shade, 3\"", ""}};
  return session;
}

/// A copy of the real templates in which raw.txt says `text`.
class PromptFolder {
 public:
  explicit PromptFolder(const std::string& text) {
    fs::remove_all(path_);
    fs::create_directories(path_.parent_path());
    fs::copy(kPrompts, path_);
    std::ofstream(path_ / "raw.txt") << text;
  }
  PromptFolder(const PromptFolder&) = delete;
  PromptFolder& operator=(const PromptFolder&) = delete;
  ~PromptFolder() { fs::remove_all(path_); }

  std::string error() const {
    try {
      PromptTemplates::load(path_);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_ = fs::path(::testing::TempDir()) /
                   ::testing::UnitTest::GetInstance()->current_test_info()->name() / "prompts";
};

TEST(Prompt, items_are_numbered_with_their_whole_titles) {
  EXPECT_EQ(product_list(two_items()), "{product1: a {{rules}} lamp, product2: a shade, 3\"}");
}

TEST(Prompt, the_shipped_templates_show_each_kind_what_it_is_due) {
  const PromptTemplates templates = PromptTemplates::load(kPrompts);
  const PromptContent content{"RULES-TEXT", "THOUGHT-TEXT", "ANSWER-TEXT", "FEEDBACK-TEXT"};
  for (const auto& [kind, name] : enum_names(PromptKind{})) {
    const auto messages = templates.render(kind, two_items(), content);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].role, "system");
    EXPECT_EQ(messages[1].role, "user");
    const std::string& user = messages[1].content;
    EXPECT_THAT(user, HasSubstr(product_list(two_items()))) << name;
    EXPECT_EQ(user.find("RULES-TEXT") != user.npos,
              kind == PromptKind::kRules || kind == PromptKind::kBoth || kind == PromptKind::kTeachPropose);
    EXPECT_EQ(user.find("THOUGHT-TEXT") != user.npos,
              kind == PromptKind::kThought || kind == PromptKind::kBoth);
    EXPECT_EQ(user.find("ANSWER-TEXT") != user.npos,
              kind == PromptKind::kTeachReflect || kind == PromptKind::kTeachThought);
    EXPECT_EQ(user.find("FEEDBACK-TEXT") != user.npos, kind == PromptKind::kTeachReflect);
  }
}

TEST(Prompt, a_title_that_spells_a_placeholder_stays_text) {
  const auto messages = PromptTemplates::load(kPrompts).render(PromptKind::kRules, two_items(), {"R", ""});
  EXPECT_THAT(messages[1].content, HasSubstr("a {{rules}} lamp"));
}

TEST(Prompt, turns_keep_inner_lines_and_lose_outer_blank_ones) {
  const PromptFolder folder(
      "# comment\n\n[system]\n\nbe\n\nbrief\n\n[user]\n# not a comment\n{{products}}\nend\n\n");
  const auto messages = PromptTemplates::load(folder.path()).render(PromptKind::kRaw, two_items());
  EXPECT_EQ(messages[0].content, "be\n\nbrief");
  EXPECT_EQ(messages[1].content, "# not a comment\n" + product_list(two_items()) + "\nend");
}

TEST(Prompt, a_broken_template_is_named_with_file_and_line) {
  EXPECT_THAT(PromptFolder("[system]\nx\n[user]\n{{products}} {{title}}\n").error(),
              ::testing::AllOf(HasSubstr("`title` is not"), HasSubstr("raw.txt:4)")));
  EXPECT_THAT(PromptFolder("[system]\nx\n[user]\n{{products}}\n{{products}}").error(),
              ::testing::AllOf(HasSubstr("`products` occurs twice"), HasSubstr("raw.txt:5)")));
  EXPECT_THAT(PromptFolder("[system]\nx\n[user]\n{{rules}}{{products}}").error(),
              HasSubstr("`rules` is not"));
  EXPECT_THAT(PromptFolder("[system]\nx\n[user]\nhello\n").error(), HasSubstr("placeholder `products`"));
  EXPECT_THAT(PromptFolder("[system]\nx\n[user]\n{{products\n").error(), HasSubstr("closed by `}}`"));
  EXPECT_THAT(PromptFolder("[user]\n{{products}}\n").error(), HasSubstr("raw.txt:1)"));
  EXPECT_THAT(PromptFolder("[system]\n{{products}}\n").error(), HasSubstr("`[user]` is missing"));
  EXPECT_THAT(PromptFolder("hello\n[system]\nx\n[user]\n{{products}}\n").error(),
              HasSubstr("`hello` instead"));
  EXPECT_THAT(PromptFolder("").error(), HasSubstr("`[system]` is missing"));
}

std::shared_ptr<const ItemRelations> alike_titles() {
  const TfIdf titles({{1, "red lamp"}, {2, "red shade"}, {3, "tea"}});
  return std::make_shared<ItemRelations>(std::vector<Session>{}, titles,
                                         RelationOptions{{Relation::kTitleSimilarity}, 5, 0.0});
}

TEST(Prompt, relations_stand_in_every_shipped_prompt_that_shows_them_and_in_none_that_does_not) {
  const PromptTemplates with = PromptTemplates::load(kPrompts, alike_titles());
  const PromptTemplates without = PromptTemplates::load(kPrompts);
  const std::string line = "\nRelations: similar titles: product1 ~ product2 (";
  for (const PromptKind kind : {PromptKind::kRaw, PromptKind::kRules, PromptKind::kThought, PromptKind::kBoth,
                                PromptKind::kWriteRules, PromptKind::kWriteThought}) {
    std::string shown = with.render(kind, two_items()).back().content;
    const std::string plain = without.render(kind, two_items()).back().content;
    const std::size_t begin = shown.find(line);
    ASSERT_NE(begin, shown.npos) << static_cast<int>(kind);
    shown.erase(begin, shown.find('\n', begin + 1) - begin);
    EXPECT_EQ(shown, plain) << "the line is all that differs";
  }
}

TEST(Prompt, relations_that_no_template_uses_are_refused) {
  const PromptFolder folder("[system]\nx\n[user]\n{{products}}\n");
  for (const auto& file : fs::directory_iterator(folder.path())) {
    std::ostringstream text;
    text << std::ifstream(file.path()).rdbuf();
    std::string without = text.str();
    if (const std::size_t at = without.find("Relations: {{relations}}\n"); at != without.npos) {
      without.erase(at, 25);
    }
    std::ofstream(file.path()) << without;
  }
  EXPECT_NO_THROW(PromptTemplates::load(folder.path()));
  EXPECT_THROW(PromptTemplates::load(folder.path(), alike_titles()), ConfigError);
}

TEST(Prompt, a_missing_file_is_named) {
  const PromptFolder folder("");
  fs::remove(folder.path() / "raw.txt");
  EXPECT_THROW(PromptTemplates::load(folder.path()), FileError);
}

}  // namespace
}  // namespace routedk::bundle
