#include "routedk/core/settings_reference.h"

#include <fmt/format.h>

namespace routedk {
namespace {

/// Escapes bars, which would end a table cell.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  }
  return escaped;
}

}  // namespace

std::string settings_markdown(const SettingGroups& groups,
                              const std::function<std::string(const std::string&)>& since) {
  std::string page;
  for (const SettingGroup& group : groups) {
    if (group.entries.empty()) {
      continue;
    }
    page += fmt::format("## {}\n\n", group.path.empty() ? "Top level" : group.path);
    page += group.meaning.empty() ? "" : cell(group.meaning) + "\n\n";
    page += "| setting | default | value | meaning | since |\n|---|---|---|---|---|\n";
    for (const SettingEntry& entry : group.entries) {
      page += fmt::format("| `{}` | `{}` | {} | {} | {} |\n", entry.name, cell(entry.initial),
                          cell(entry.range), cell(entry.meaning), since(entry.name));
    }
    page += "\n";
  }
  return page;
}

}  // namespace routedk
