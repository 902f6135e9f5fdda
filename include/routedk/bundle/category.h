/// Category texts of the data set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace routedk::bundle {

/// The names from root to leaf of the longest path in a category text of the form `[[A,B, C &
/// D,Leaf],[A,Leaf]]` (a comma followed by a space is part of a name), the first path among equals; empty if
/// there is none. Text without brackets is itself a path.
std::vector<std::string> category_path(std::string_view category);

/// The last name of category_path, the most specific one; empty if there is none.
std::string category_leaf(std::string_view category);

}  // namespace routedk::bundle
