#include "routedk/core/config_reader.h"

#include "routedk/core/suggestion.h"

#include <algorithm>

#include <fmt/ranges.h>

namespace routedk {
namespace {

std::string place_suffix(const ConfigNode& node) {
  return node.place.empty() ? "." : fmt::format(" ({}).", node.place);
}

}  // namespace

void ConfigReader::read_free(const ConfigNode& node, const std::string& path, ConfigTree& tree) {
  if (node.kind == ConfigNode::Kind::kMap) {
    tree.root = node;
  } else if (node.kind == ConfigNode::Kind::kNull) {
    tree = {};
  } else {
    report(path, "a section", node);
  }
}

bool ConfigReader::is_section() {
  if (section_.kind == ConfigNode::Kind::kMap || section_.kind == ConfigNode::Kind::kNull) {
    return true;
  }
  report(path_, "a section", section_);
  return false;
}

std::string ConfigReader::join(const std::string& name) const {
  return path_.empty() ? name : path_ + "." + name;
}

void ConfigReader::report(const std::string& path, const std::string& rule, const ConfigNode& node) {
  problems_.push_back(
      fmt::format("`{}` must be {}, but is {} instead{}", path, rule, describe(node), place_suffix(node)));
}

void ConfigReader::report_unknown_keys() {
  for (const ConfigNode& node : section_.children) {
    if (std::find(names_.begin(), names_.end(), node.name) == names_.end()) {
      const std::string nearest = nearest_word(node.name, names_);
      problems_.push_back(fmt::format("`{}` is not a known key; {}{}", join(node.name),
                                      nearest.empty() ? fmt::format("known here: {}", fmt::join(names_, ", "))
                                                      : fmt::format("did you mean `{}`?", nearest),
                                      place_suffix(node)));
    }
  }
}

std::string ConfigReader::place_of(const std::string& problem) const {
  const std::size_t begin = problem.find('`') + 1;  // 0 if there is none
  const std::size_t end = problem.find('`', begin);
  if (begin == 0 || end == std::string::npos) {
    return "";
  }
  const ConfigNode* node = &section_;
  for (std::size_t at = begin; node != nullptr && at < end;) {
    const std::size_t dot = std::min(problem.find('.', at), end);
    node = node->find(problem.substr(at, dot - at));
    at = dot + 1;
  }
  return node == nullptr ? "" : node->place;
}

void ConfigReader::locate(std::size_t first) {
  for (std::size_t i = first; i < problems_.size(); ++i) {
    std::string& problem = problems_[i];
    if (const std::string place = place_of(problem); !place.empty()) {
      if (problem.ends_with('.')) {
        problem.pop_back();
      }
      problem += fmt::format(" ({}).", place);
    }
    if (!path_.empty()) {
      problem = fmt::format("{}: {}", path_, problem);
    }
  }
}

}  // namespace routedk
