/// Prompts from template files.
///
/// A template file is text: comment lines, then a line `[system]` and the system turn, then a line `[user]`
/// and the user turn. Blank lines around a turn are dropped. Placeholders, and their replacement:
///   {{products}}  the session's items, `{product1: title, product2: title, ...}`, titles whole
///   {{rules}}     the text of the session's rules
///   {{thought}}   the text of the session's thought
///   {{answer}}    bundles as JSON: the teacher's proposal, or gold
///   {{feedback}}  comparison of the proposal with gold, one remark per line
///   {{relations}} how the session's items relate (ItemRelations), in any file, on a line of its own, which
///                 is dropped where no relations are shown
/// Replacements are never searched for placeholders, whatever a title contains.
#pragma once

#include "routedk/bundle/item_relations.h"
#include "routedk/bundle/session.h"
#include "routedk/bundle/worked_examples.h"
#include "routedk/core/named_enum.h"
#include "routedk/text/chat_template.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace routedk::bundle {

/// What a prompt shows and asks for. The file of a kind is its name with .txt; it must use the placeholders
/// listed here, each exactly once, and no other but `relations`.
enum class PromptKind {
  kRaw,           ///< products
  kRules,         ///< products, rules
  kThought,       ///< products, thought
  kBoth,          ///< products, rules, thought
  kWriteRules,    ///< products; asks for the rules instead of the bundles
  kWriteThought,  ///< products; asks for the thought instead of the bundles
  kTeachPropose,  ///< products, rules; asks the teacher for bundles
  kTeachReflect,  ///< products, answer, feedback; asks the teacher for causes and rules
  kTeachThought,  ///< products, answer; asks the teacher how to arrive at this answer
};
constexpr auto enum_names(PromptKind /*of*/) {
  return std::to_array<EnumName<PromptKind>>({{PromptKind::kRaw, "raw"},
                                              {PromptKind::kRules, "rules"},
                                              {PromptKind::kThought, "thought"},
                                              {PromptKind::kBoth, "both"},
                                              {PromptKind::kWriteRules, "write_rules"},
                                              {PromptKind::kWriteThought, "write_thought"},
                                              {PromptKind::kTeachPropose, "teach_propose"},
                                              {PromptKind::kTeachReflect, "teach_reflect"},
                                              {PromptKind::kTeachThought, "teach_thought"}});
}

/// What is known about one session; texts that the kind does not show are ignored.
struct PromptContent {
  std::string rules;
  std::string thought;
  std::string answer{};
  std::string feedback{};
};

class PromptTemplates {
 public:
  /// Reads the files of a folder, one per kind. FileError if one cannot be read; ConfigError names file:line
  /// if a section or placeholder is unknown, missing or repeated. `relations`, if given, are shown by the
  /// files that use them; ConfigError if none does.
  static PromptTemplates load(const std::filesystem::path& folder,
                              std::shared_ptr<const ItemRelations> relations = nullptr);
  /// Makes prompts of kind `raw` show worked examples as earlier turns.
  void show(std::shared_ptr<const WorkedExamples> examples) { examples_ = std::move(examples); }

  /// The system turn, the turns of worked examples, if any, and the user turn for a session.
  std::vector<text::ChatMessage> render(PromptKind kind, const Session& session,
                                        const PromptContent& content = {}) const;

 private:
  /// Text split at its placeholders: literal, placeholder, literal, ..., literal.
  struct Turn {
    std::vector<std::string> literals;
    std::vector<std::string> placeholders;
  };
  struct Template {
    Turn system;
    Turn user;
  };
  struct Parser;
  std::string value_of(const std::string& placeholder, const Session& session,
                       const PromptContent& content) const;

  std::map<PromptKind, Template> templates_;
  std::shared_ptr<const ItemRelations> relations_;
  std::shared_ptr<const WorkedExamples> examples_;
};

/// `{product1: title, product2: title, ...}`.
std::string product_list(const Session& session);

}  // namespace routedk::bundle
