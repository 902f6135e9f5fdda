/// Prompts from template files.
///
/// A template file is text: comment lines, then a line `[system]` and the system turn, then a line `[user]`
/// and the user turn. A turn's outer blank lines are dropped. Placeholders, each allowed in the files below:
///   {{products}}  the session's items, `{product1: title, product2: title, ...}`, titles whole
///   {{rules}}     the text of the session's rules
///   {{thought}}   the text of the session's thought
///   {{answer}}    bundles as JSON: what the teacher proposed, or gold
///   {{feedback}}  what gold says of the proposal, a remark a line
///   {{relations}} how the session's items relate (ItemRelations), in any file, on a line of its own, which
///                 is left out where no relations are shown
/// What is put in is never searched for placeholders again, whatever a title spells.
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
/// named here, each exactly once, and no other but `relations`.
enum class PromptKind {
  kRaw,           ///< products
  kRules,         ///< products, rules
  kThought,       ///< products, thought
  kBoth,          ///< products, rules, thought
  kWriteRules,    ///< products; asks for the rules instead of the bundles
  kWriteThought,  ///< products; asks for the thought instead of the bundles
  kTeachPropose,  ///< products, rules; asks the teacher for bundles
  kTeachReflect,  ///< products, answer, feedback; asks the teacher for causes and rules
  kTeachThought,  ///< products, answer; asks the teacher how one comes to this answer
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

/// What is known of one session; a text that the kind does not show is not looked at.
struct PromptContent {
  std::string rules;
  std::string thought;
  std::string answer{};
  std::string feedback{};
};

class PromptTemplates {
 public:
  /// Reads the files of a folder, one per kind. FileError where one can't be read; ConfigError names
  /// file:line where a section or placeholder is unknown, missing or there twice. `relations`, where given,
  /// are shown by the files that use them; ConfigError where none does.
  static PromptTemplates load(const std::filesystem::path& folder,
                              std::shared_ptr<const ItemRelations> relations = nullptr);
  /// Lets prompts of kind `raw` show worked examples as earlier turns.
  void show(std::shared_ptr<const WorkedExamples> examples) { examples_ = std::move(examples); }

  /// The system turn, the turns of worked examples if any, and the user turn for a session.
  std::vector<text::ChatMessage> render(PromptKind kind, const Session& session,
                                        const PromptContent& content = {}) const;

 private:
  /// Text cut at its placeholders: literal, placeholder, literal, ..., literal.
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
