#include "yaml_tree.h"

#include "routedk/core/byte_order_mark.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace routedk {
namespace {

constexpr std::size_t kMostMembers = 1000;  // per section

// Replaces the messages of yaml-cpp that a user can act on by plainer ones.
std::string yaml_problem(const std::string& library) {
  static constexpr std::string_view kMisplaced =
      "this line does not fit those above: the keys of a section begin in the same column, and a value with "
      "`: ` or quotes in it is itself quoted";
  static const std::map<std::string_view, std::string_view> kOurs = {
      {YAML::ErrorMsg::MAP_VALUE, kMisplaced},
      {YAML::ErrorMsg::MAP_KEY, kMisplaced},
      {YAML::ErrorMsg::END_OF_MAP, kMisplaced},
      {YAML::ErrorMsg::END_OF_SEQ, kMisplaced},
      {YAML::ErrorMsg::BLOCK_ENTRY, kMisplaced},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a [ has no ] up to here"},
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "a { has no } up to here"},
      {YAML::ErrorMsg::FLOW_END, "a ] or } closes nothing"},
      {YAML::ErrorMsg::UNKNOWN_TOKEN, "a value that begins with @, % or ` is not quoted"}};
  const auto known = kOurs.find(library);
  return known == kOurs.end() ? library : std::string(known->second);
}

std::string_view line_at(std::string_view text, int line) {
  for (; line > 0 && text.find('\n') != std::string_view::npos; --line) {
    text.remove_prefix(text.find('\n') + 1);
  }
  return text.substr(0, text.find('\n'));
}

bool has_tab_in_indentation(std::string_view line) {
  return line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

// Whether the quote at the beginning of the text is closed on the same line.
bool closes_on_its_line(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  const char quote = line.front();
  for (std::size_t i = 1; i < line.size(); ++i) {
    const bool doubled = quote == '\'' && line.substr(i, 2) == "''";
    if (doubled || (quote == '"' && line[i] == '\\')) {
      ++i;  // it stands for the next character
    } else if (line[i] == quote) {
      return true;
    }
  }
  return false;
}

// Builds the tree from parser events: unlike YAML::Node, this detects repeated keys, and no alias can expand
// into an endless tree.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string name, std::string_view yaml) : name_(std::move(name)), yaml_(yaml) {}

  ConfigNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(node(mark, ConfigNode::Kind::kNull));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { refuse_anchor(mark, anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_key(mark, value);
    refuse_open_quote(mark);
    ConfigNode scalar = node(mark, ConfigNode::Kind::kScalar);
    scalar.text = value;
    scalar.quoted = tag == "!";
    add(std::move(scalar));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    refuse_anchor(mark, anchor);
    open_.push_back({node(mark, ConfigNode::Kind::kList), {}, false});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    refuse_anchor(mark, anchor);
    open_.push_back({node(mark, ConfigNode::Kind::kMap), {}, false});
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    ConfigNode node;
    std::string key;
    bool has_key;
  };

  std::string place(const YAML::Mark& mark) const { return fmt::format("{}:{}", name_, mark.line + 1); }
  ConfigNode node(const YAML::Mark& mark, ConfigNode::Kind kind) const {
    ConfigNode made;
    made.kind = kind;
    made.place = place(mark);
    return made;
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) {
      throw_<ConfigError>("A configuration must be written without anchors and aliases ({}).", place(mark));
    }
  }
  /// Not shown: a secret put here by mistake must not end up in a log.
  void refuse_key(const YAML::Mark& mark, const std::string& value) const {
    if (holds_api_key(value)) {
      throw_<ConfigError>(
          "A configuration must hold no API key, but has what looks like one: give the name of an "
          "environment "
          "variable that holds it, as `teacher.endpoint.key_variable` ({}).",
          place(mark));
    }
  }
  /// Otherwise an unclosed quote would swallow the settings after it.
  void refuse_open_quote(const YAML::Mark& mark) const {
    const std::string_view text = yaml_.substr(std::min(static_cast<std::size_t>(mark.pos), yaml_.size()));
    if ((text.starts_with('"') || text.starts_with('\'')) && !closes_on_its_line(text)) {
      throw_<ConfigError>("A quoted string must end on the line on which it begins, but does not ({}).",
                          place(mark));
    }
  }
  void close() {
    ConfigNode done = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(done));
  }
  void add(ConfigNode child) {
    if (open_.empty()) {
      root_ = std::move(child);
    } else if (open_.back().node.kind == ConfigNode::Kind::kList) {
      open_.back().node.children.push_back(std::move(child));
    } else if (!open_.back().has_key) {
      take_key(child);
    } else {
      child.name = std::move(open_.back().key);
      open_.back().node.children.push_back(std::move(child));
      open_.back().has_key = false;
    }
  }
  void take_key(const ConfigNode& key) {
    if (key.kind != ConfigNode::Kind::kScalar) {
      throw_<ConfigError>("A key must be a plain word, but is {} instead ({}).", describe(key), key.place);
    }
    if (open_.back().node.children.size() == kMostMembers) {
      throw_<ConfigError>("A section must have at most {} keys, but has more ({}).", kMostMembers, key.place);
    }
    if (const ConfigNode* earlier = open_.back().node.find(key.text)) {
      throw_<ConfigError>("`{}` must be given once, but was given already at {} ({}).", key.text,
                          earlier->place, key.place);
    }
    open_.back().key = key.text;
    open_.back().has_key = true;
  }

  std::string name_;
  std::string_view yaml_;
  ConfigNode root_;
  std::vector<Open> open_;
};

}  // namespace

ConfigNode read_yaml(const std::string& yaml, const std::string& name) {
  const std::string_view text = without_byte_order_mark(yaml);  // the library's positions do not count it
  std::istringstream in(yaml);
  TreeBuilder builder(name, text);
  try {
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) {
      return {};
    }
    TreeBuilder second(name, text);
    if (parser.HandleNextDocument(second)) {
      throw_<ConfigError>("A configuration must be one YAML document, but {} has several.", name);
    }
  } catch (const YAML::Exception& error) {
    const bool tab = has_tab_in_indentation(line_at(text, error.mark.line));
    throw_<ConfigError>("A configuration must be valid YAML, but {} ({}:{}).",
                        tab ? "this line is indented with a tab instead of spaces" : yaml_problem(error.msg),
                        name, error.mark.line + 1);
  }
  return builder.take();
}

}  // namespace routedk
