/// Category texts of the data set.
#pragma once

#include <string>
#include <string_view>

namespace routedk::bundle {

/// The most specific name in a category text of the form `[[A,B, C & D,Leaf],[A,Leaf]]` (a comma followed by
/// a space belongs to a name): the last name of the longest path, the first of equally long ones; empty
/// where there is none. Text without brackets is a name itself.
std::string category_leaf(std::string_view category);

}  // namespace routedk::bundle
