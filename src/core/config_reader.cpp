#include "routedk/core/config_reader.h"

#include <algorithm>
#include <numeric>

#include <fmt/ranges.h>

namespace routedk {
namespace {

// Levenshtein distance, one row at a time.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// "did you mean `rank`?", or all known names if none is close.
std::string suggestion(const std::string& key, const std::vector<std::string>& known) {
  constexpr std::size_t kLongestKey = 60;  // longer keys are not treated as misspellings
  const auto nearer = [&](const std::string& a, const std::string& b) {
    return edit_distance(key, a) < edit_distance(key, b);
  };
  const auto nearest =
      key.size() > kLongestKey ? known.end() : std::min_element(known.begin(), known.end(), nearer);
  if (nearest != known.end() && edit_distance(key, *nearest) <= std::max<std::size_t>(2, key.size() / 2)) {
    return fmt::format("did you mean `{}`?", *nearest);
  }
  return fmt::format("known here: {}", fmt::join(known, ", "));
}

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
      problems_.push_back(fmt::format("`{}` is not a known key; {}{}", join(node.name),
                                      suggestion(node.name, names_), place_suffix(node)));
    }
  }
}

void ConfigReader::prefix_path(std::size_t first) {
  for (std::size_t i = first; i < problems_.size() && !path_.empty(); ++i) {
    problems_[i] = fmt::format("{}: {}", path_, problems_[i]);
  }
}

}  // namespace routedk
