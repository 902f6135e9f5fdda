#include "parts.h"

#include "routedk/core/files.h"

#include <algorithm>
#include <fstream>
#include <string>

#include <unistd.h>

namespace routedk::fuzz {
namespace {

namespace fs = std::filesystem;

struct OwnFolder {
  OwnFolder() { fs::create_directories(path); }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  ~OwnFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path = fs::temp_directory_path() / ("routedk-fuzz-" + std::to_string(::getpid()));
};

}  // namespace

fs::path folder_of_parts(const fs::path& file, std::initializer_list<std::string_view> names) {
  static const OwnFolder folder;
  const std::string input = read_file(file);
  std::string_view rest = input;
  for (const std::string_view& name : names) {
    const bool last = &name == names.end() - 1;
    const std::string_view part = rest.substr(0, last ? rest.size() : rest.find('\0'));
    std::ofstream(folder.path / name, std::ios::binary) << part;
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  return folder.path;
}

}  // namespace routedk::fuzz
