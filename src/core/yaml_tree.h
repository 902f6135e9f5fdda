#pragma once

#include "routedk/core/config_source.h"

#include <string>

namespace routedk {

/// One YAML document as a tree. Empty text is a null node. ConfigError names `name` and the line when the
/// text is not YAML, has several documents, repeats a key, uses anchors, or has a quoted string that spans
/// several lines.
ConfigNode read_yaml(const std::string& yaml, const std::string& name);

}  // namespace routedk
