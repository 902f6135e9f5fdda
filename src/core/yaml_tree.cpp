#include "yaml_tree.h"

#include "routedk/core/error.h"

#include <sstream>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace routedk {
namespace {

constexpr std::size_t kMostMembers = 1000;  // per section

// Builds the tree from parser events: unlike YAML::Node, this detects repeated keys, and no alias can expand
// into an endless tree.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string name) : name_(std::move(name)) {}

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
  ConfigNode root_;
  std::vector<Open> open_;
};

}  // namespace

ConfigNode read_yaml(const std::string& yaml, const std::string& name) {
  std::istringstream in(yaml);
  TreeBuilder builder(name);
  try {
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) {
      return {};
    }
    TreeBuilder second(name);
    if (parser.HandleNextDocument(second)) {
      throw_<ConfigError>("A configuration must be one YAML document, but {} has several.", name);
    }
  } catch (const YAML::Exception& error) {
    throw_<ConfigError>("A configuration must be valid YAML: {} ({}:{}).", error.msg, name,
                        error.mark.line + 1);
  }
  return builder.take();
}

}  // namespace routedk
