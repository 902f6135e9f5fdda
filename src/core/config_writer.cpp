#include "routedk/core/config_writer.h"

#include <fmt/ranges.h>

namespace routedk {
namespace {

/// Numbers, true and false are written as such; any other text as a string.
std::string flow_scalar(const ConfigNode& node) {
  return !node.quoted && (parse_number<double>(node) || parse_bool(node)) ? node.text : yaml_text(node.text);
}

}  // namespace

std::string yaml_flow(const ConfigNode& node) {
  std::vector<std::string> items;
  for (const ConfigNode& child : node.children) {
    const std::string value = yaml_flow(child);
    items.push_back(node.kind == ConfigNode::Kind::kMap ? yaml_text(child.name) + ": " + value : value);
  }
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      return "null";
    case ConfigNode::Kind::kList:
      return fmt::format("[{}]", fmt::join(items, ", "));
    case ConfigNode::Kind::kMap:
      return fmt::format("{{{}}}", fmt::join(items, ", "));
    case ConfigNode::Kind::kScalar:
      break;
  }
  return flow_scalar(node);
}

std::string ConfigWriter::flow_list(const std::vector<std::string>& items) {
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string ConfigWriter::comment_of(const std::string& meaning, const std::string& rule) {
  return rule.empty() ? meaning : fmt::format("{} ({})", meaning, rule);
}

void ConfigWriter::line(const char* name, const std::string& value, const std::string& comment) {
  out_ += fmt::format("{:{}}{}:{}{}  # {}\n", "", indent_, name, value.empty() ? "" : " ", value, comment);
}

}  // namespace routedk
