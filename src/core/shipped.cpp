#include "routedk/core/shipped.h"

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

std::string shipped_command(const std::filesystem::path& file) {
  const std::filesystem::path place = shipped(file);
  std::error_code none;
  const std::filesystem::path near = std::filesystem::relative(place, none);
  if (place.empty() || near.empty() || *near.begin() == "..") {
    return place.string();
  }
  return near.has_parent_path() ? near.string() : "./" + near.string();
}

}  // namespace routedk
