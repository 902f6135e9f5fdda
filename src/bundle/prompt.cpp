#include "routedk/bundle/prompt.h"

#include "routedk/bundle/expert_input.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include <fmt/ranges.h>

namespace routedk::bundle {
namespace {

constexpr const char* kRelations = "relations";

/// The placeholders that a template of the kind must use.
std::vector<std::string> placeholders_of(PromptKind kind) {
  switch (kind) {
    case PromptKind::kRaw:
    case PromptKind::kWriteRules:
    case PromptKind::kWriteThought:
      break;
    case PromptKind::kRules:
    case PromptKind::kTeachPropose:
      return {"products", "rules"};
    case PromptKind::kThought:
      return {"products", "thought"};
    case PromptKind::kBoth:
      return {"products", "rules", "thought"};
    case PromptKind::kTeachReflect:
      return {"products", "answer", "feedback"};
    case PromptKind::kTeachThought:
      return {"products", "answer"};
  }
  return {"products"};
}

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\r") == std::string::npos;
}

}  // namespace

/// Reads one template file line by line.
struct PromptTemplates::Parser {
  std::string source;
  PromptKind kind;
  bool shows_relations;
  std::vector<std::string> placeholders = placeholders_of(kind);
  Template result{};
  std::optional<std::string> section{};
  std::vector<std::string> seen{};
  int line_number = 0;
  int pending_newlines = 0;

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw_<ConfigError>("{} ({}:{}).", fmt::format(format, std::forward<Args>(args)...), source, line_number);
  }

  Turn& turn() { return *section == "system" ? result.system : result.user; }

  void line(const std::string& text) {
    ++line_number;
    if (!section.has_value() && text.starts_with('#')) {
      return;
    }
    if (text == "[system]" || text == "[user]") {
      open_section(text.substr(1, text.size() - 2));
    } else if (is_blank(text)) {
      ++pending_newlines;
    } else if (!section.has_value()) {
      fail("A prompt template must open with comments and `[system]`, but says `{}` instead", text);
    } else if (shows_relations || text.find("{{relations}}") == std::string::npos) {
      Turn& current = turn();
      const bool is_first = current.placeholders.empty() && current.literals.back().empty();
      current.literals.back().append(is_first ? 0 : static_cast<std::size_t>(pending_newlines) + 1, '\n');
      pending_newlines = 0;
      add_text(current, text);
    }
  }

  void open_section(const std::string& name) {
    const bool in_order = name == "system" ? !section.has_value() : section == "system";
    if (!in_order) {
      fail("A prompt template must have `[system]`, then `[user]`, but has `[{}]` here", name);
    }
    section = name;
    pending_newlines = 0;
    turn().literals.emplace_back();
  }

  void add_text(Turn& current, const std::string& text) {
    std::size_t from = 0;
    for (std::size_t open = text.find("{{"); open != std::string::npos; open = text.find("{{", from)) {
      const std::size_t close = text.find("}}", open);
      if (close == std::string::npos) {
        fail("A placeholder must be closed by `}}}}`, but `{}` is not", text.substr(open));
      }
      current.literals.back() += text.substr(from, open - from);
      current.placeholders.push_back(checked(text.substr(open + 2, close - open - 2)));
      current.literals.emplace_back();
      from = close + 2;
    }
    current.literals.back() += text.substr(from);
  }

  std::string checked(std::string name) {
    if (name != kRelations && std::ranges::find(placeholders, name) == placeholders.end()) {
      fail("Placeholders of a `{}` prompt must be among [{}], but `{}` is not", kind,
           fmt::join(placeholders, ", "), name);
    }
    if (std::ranges::find(seen, name) != seen.end()) {
      fail("Each placeholder must occur once, but `{}` occurs twice", name);
    }
    seen.push_back(name);
    return name;
  }

  Template finish() {
    if (section != "user") {
      fail("A prompt template must hold `[system]` and `[user]`, but `[{}]` is missing",
           section.has_value() ? "user" : "system");
    }
    for (const std::string& name : placeholders) {
      if (std::ranges::find(seen, name) == seen.end()) {
        fail("A `{}` prompt must use the placeholder `{}`, but doesn't", kind, name);
      }
    }
    return std::move(result);
  }
};

PromptTemplates PromptTemplates::load(const std::filesystem::path& folder,
                                      std::shared_ptr<const ItemRelations> relations) {
  PromptTemplates templates;
  bool used = false;
  for (const auto& [kind, name] : enum_names(PromptKind{})) {
    const std::filesystem::path path = folder / fmt::format("{}.txt", name);
    std::istringstream in(read_file(path, kMostSettingsBytes));
    Parser parser{path.string(), kind, relations != nullptr};
    for (std::string line; std::getline(in, line);) {
      parser.line(line);
    }
    templates.templates_[kind] = parser.finish();
    used = used || std::ranges::find(parser.seen, kRelations) != parser.seen.end();
  }
  if (relations != nullptr && !used) {
    throw_<ConfigError>(
        "Where `prompt.relations` are set, a prompt template must use the placeholder `relations`, but none "
        "does ({}).",
        folder.string());
  }
  templates.relations_ = std::move(relations);
  return templates;
}

std::string PromptTemplates::value_of(const std::string& placeholder, const Session& session,
                                      const PromptContent& content) const {
  return placeholder == "products"   ? product_list(session)
         : placeholder == "rules"    ? content.rules
         : placeholder == "thought"  ? content.thought
         : placeholder == "answer"   ? content.answer
         : placeholder == kRelations ? relations_->text(session)
                                     : content.feedback;
}

std::vector<text::ChatMessage> PromptTemplates::render(PromptKind kind, const Session& session,
                                                       const PromptContent& content) const {
  const auto fill = [&](const Turn& turn, const Session& about) {
    std::string text = turn.literals.front();
    for (std::size_t i = 0; i < turn.placeholders.size(); ++i) {
      text += value_of(turn.placeholders[i], about, content);
      text += turn.literals[i + 1];
    }
    return text;
  };
  const Template& chosen = templates_.at(kind);
  std::vector<text::ChatMessage> messages = {{"system", fill(chosen.system, session)}};
  if (kind == PromptKind::kRaw && examples_ != nullptr) {
    for (const Session* const example : examples_->of(session)) {
      messages.push_back({"user", fill(chosen.user, *example)});
      messages.push_back({"assistant", gold_text(*example)});
    }
  }
  messages.push_back({"user", fill(chosen.user, session)});
  return messages;
}

std::string product_list(const Session& session) {
  std::vector<std::string> products;
  products.reserve(session.items.size());
  for (const Item& item : session.items) {
    products.push_back(fmt::format("product{}: {}", products.size() + 1, item.title));
  }
  return fmt::format("{{{}}}", fmt::join(products, ", "));
}

}  // namespace routedk::bundle
