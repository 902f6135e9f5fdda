#include "routedk/core/config_source.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <algorithm>
#include <utility>

#include "yaml_tree.h"

namespace routedk {
namespace {

void place_at(ConfigNode& node, const std::string& place) {
  node.place = place;
  for (ConfigNode& child : node.children) {
    place_at(child, place);
  }
}

void seen_from(ConfigNode& node, const std::filesystem::path& folder) {
  node.folder = folder;
  for (ConfigNode& child : node.children) {
    seen_from(child, folder);
  }
}

constexpr std::size_t kMostExtends = 8;

// Removes the member `extends` from a document; "" if there is none.
std::string take_extends(ConfigNode& root) {
  const ConfigNode* extends = std::as_const(root).find("extends");
  if (extends == nullptr) {
    return {};
  }
  if (extends->kind != ConfigNode::Kind::kScalar || extends->text.empty()) {
    throw_<ConfigError>("`extends` must be the path of a YAML file, but is {} instead ({}).",
                        describe(*extends), extends->place);
  }
  std::string path = extends->text;
  std::erase_if(root.children, [](const ConfigNode& child) { return child.name == "extends"; });
  return path;
}

// Sections are merged member by member; anything else of `over` replaces what `base` has.
void merge_nodes(ConfigNode& base, ConfigNode over) {
  if (base.kind != ConfigNode::Kind::kMap || over.kind != ConfigNode::Kind::kMap) {
    base = std::move(over);
    return;
  }
  for (ConfigNode& member : over.children) {
    if (ConfigNode* known = base.find(member.name)) {
      merge_nodes(*known, std::move(member));
    } else {
      base.children.push_back(std::move(member));
    }
  }
}

// Splits "a.b.c"; an empty part means that the path is malformed.
std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts(1);
  for (const char c : path) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// The member of that name, created if missing. An empty value becomes a section.
ConfigNode& open_member(ConfigNode& section, const std::string& name, const std::string& place) {
  if (section.kind == ConfigNode::Kind::kNull) {
    section.kind = ConfigNode::Kind::kMap;
  }
  if (section.kind != ConfigNode::Kind::kMap) {
    throw_<ConfigError>("`{}` must be inside a section, but is inside {} instead ({}).", name,
                        describe(section), place);
  }
  if (ConfigNode* member = section.find(name)) {
    return *member;
  }
  ConfigNode& made = section.children.emplace_back();
  made.name = name;
  made.place = place;
  return made;
}

}  // namespace

const ConfigNode* ConfigNode::find(const std::string& wanted) const {
  if (kind != Kind::kMap) {
    return nullptr;
  }
  const auto at = std::find_if(children.begin(), children.end(),
                               [&](const ConfigNode& child) { return child.name == wanted; });
  return at == children.end() ? nullptr : &*at;
}

ConfigNode* ConfigNode::find(const std::string& wanted) {
  return const_cast<ConfigNode*>(std::as_const(*this).find(wanted));
}

std::string describe(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      return node.blank ? "empty" : "null";
    case ConfigNode::Kind::kList:
      return "a list";
    case ConfigNode::Kind::kMap:
      return "a section";
    case ConfigNode::Kind::kScalar:
      break;
  }
  return node.quoted ? fmt::format("the text \"{}\"", displayed(node.text)) : displayed(node.text);
}

ConfigSource ConfigSource::from_file(const std::filesystem::path& path) {
  std::vector<ConfigSource> chain;  // the file, what it extends, what that extends, ...
  for (std::filesystem::path file = path; !file.empty();) {
    if (chain.size() > kMostExtends) {
      throw_<ConfigError>("`extends` must end within {} files, but {} extends another.", kMostExtends,
                          file.string());
    }
    chain.push_back(from_string(read_file(file, kMostSettingsBytes), file.string()));
    seen_from(chain.back().root_, file.has_parent_path() ? file.parent_path() : ".");
    const std::string next = take_extends(chain.back().root_);
    file = next.empty() ? std::filesystem::path() : file.parent_path() / next;
  }
  ConfigSource source = std::move(chain.back());
  for (auto over = chain.rbegin() + 1; over != chain.rend(); ++over) {
    merge_nodes(source.root_, std::move(over->root_));
  }
  return source;
}

ConfigSource ConfigSource::from_string(const std::string& yaml, const std::string& name) {
  ConfigSource source;
  source.root_ = read_yaml(yaml, name);
  if (source.root_.kind == ConfigNode::Kind::kNull) {
    return empty();
  }
  if (source.root_.kind != ConfigNode::Kind::kMap) {
    throw_<ConfigError>("A configuration must be a YAML mapping, but is {} instead ({}).",
                        describe(source.root_), source.root_.place);
  }
  return source;
}

ConfigSource ConfigSource::empty() {
  ConfigSource source;
  source.root_.kind = ConfigNode::Kind::kMap;
  return source;
}

void ConfigSource::merge(const ConfigNode& over) {
  if (over.kind != ConfigNode::Kind::kMap && over.kind != ConfigNode::Kind::kNull) {
    throw_<ConfigError>("`{}` must be a section, but is {} instead ({}).", over.name, describe(over),
                        over.place);
  }
  if (over.kind == ConfigNode::Kind::kMap) {
    merge_nodes(root_, over);
  }
}

std::optional<ConfigNode> ConfigSource::take(const std::string& name) {
  const auto at = std::find_if(root_.children.begin(), root_.children.end(),
                               [&](const ConfigNode& child) { return child.name == name; });
  if (at == root_.children.end()) {
    return std::nullopt;
  }
  ConfigNode taken = std::move(*at);
  root_.children.erase(at);
  return taken;
}

void ConfigSource::set(const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string path = assignment.substr(0, equals);
  const std::vector<std::string> parts = split_path(path);
  const bool holed = std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); });
  if (equals == std::string::npos || holed) {
    throw_<ConfigError>("--set must have the form section.key=value, but is `{}` instead.", assignment);
  }
  const std::string place = "--set " + path;
  ConfigNode value = read_yaml(assignment.substr(equals + 1), place);
  value.blank = equals + 1 == assignment.size();
  place_at(value, place);
  ConfigNode* target = &root_;
  for (const std::string& part : parts) {
    target = &open_member(*target, part, place);
  }
  value.name = parts.back();
  *target = std::move(value);
}

}  // namespace routedk
