#include "routedk/core/config_writer.h"

#include <fmt/ranges.h>

namespace routedk {

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
