/// Category texts of the data set.
#pragma once

#include <string>
#include <string_view>

namespace routedk::bundle {

/// The most specific name in a category text of the form `[[A,B, C & D,Leaf],[A,Leaf]]` (a comma followed by
/// a space is part of a name): the last name of the longest path, the first path among equals; empty if there
/// is none. Text without brackets is itself a name.
std::string category_leaf(std::string_view category);

}  // namespace routedk::bundle
