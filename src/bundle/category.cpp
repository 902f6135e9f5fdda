#include "routedk/bundle/category.h"

#include <algorithm>
#include <utility>

namespace routedk::bundle {
namespace {

/// The names of a path `A,B, C & D,Leaf`.
std::vector<std::string> names_of(std::string_view path) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == ',' && i + 1 < path.size() && path[i + 1] != ' ') {
      names.emplace_back(path.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  if (!path.empty()) {
    names.emplace_back(path.substr(begin));
  }
  return names;
}

}  // namespace

std::vector<std::string> category_path(std::string_view category) {
  std::vector<std::string> longest;
  while (!category.empty()) {
    const std::size_t end = std::min(category.find(']'), category.size());
    std::string_view path = category.substr(0, end);
    path.remove_prefix(std::min(path.find_first_not_of("[,"), path.size()));
    if (std::vector<std::string> names = names_of(path); names.size() > longest.size()) {
      longest = std::move(names);
    }
    category.remove_prefix(std::min(end + 1, category.size()));
  }
  return longest;
}

std::string category_leaf(std::string_view category) {
  const std::vector<std::string> path = category_path(category);
  return path.empty() ? "" : path.back();
}

}  // namespace routedk::bundle
