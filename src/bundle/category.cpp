#include "routedk/bundle/category.h"

#include <algorithm>
#include <utility>

namespace routedk::bundle {
namespace {

/// The number of names of a path `A,B, C & D,Leaf`, and the last one.
std::pair<std::size_t, std::string> path_leaf(std::string_view path) {
  std::size_t names = 1;
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i] == ',' && path[i + 1] != ' ') {
      ++names;
      begin = i + 1;
    }
  }
  return {path.empty() ? 0 : names, std::string(path.substr(begin))};
}

}  // namespace

std::string category_leaf(std::string_view category) {
  std::pair<std::size_t, std::string> best{0, ""};
  while (!category.empty()) {
    const std::size_t end = std::min(category.find(']'), category.size());
    std::string_view path = category.substr(0, end);
    path.remove_prefix(std::min(path.find_first_not_of("[,"), path.size()));
    auto leaf = path_leaf(path);
    if (leaf.first > best.first) {
      best = std::move(leaf);
    }
    category.remove_prefix(std::min(end + 1, category.size()));
  }
  return best.second;
}

}  // namespace routedk::bundle
