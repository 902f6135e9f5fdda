#include "routedk/core/shipped.h"

#include "routedk/core/command_line.h"

#include <system_error>

namespace routedk {

std::filesystem::path shipped(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  for (fs::path folder = program.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
    for (const fs::path& place : {folder / "share/routedk" / file, folder / file}) {
      if (fs::exists(place, none)) {
        return place;
      }
    }
  }
  return {};
}

std::string shipped_command(const std::filesystem::path& file, const std::filesystem::path& argument) {
  const std::filesystem::path place = shipped(file);
  if (place.empty()) {
    return "";
  }
  std::error_code none;
  const std::filesystem::path near = std::filesystem::relative(place, none);
  const bool within = !near.empty() && *near.begin() != "..";
  const std::filesystem::path program = !within                  ? place
                                        : near.has_parent_path() ? near
                                                                 : std::filesystem::path(".") / near;
  return shell_word(program.string()) + " " + shell_word(argument.string());
}

}  // namespace routedk
