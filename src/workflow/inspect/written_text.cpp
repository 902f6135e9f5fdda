#include "routedk/core/display.h"
#include "routedk/workflow/inspect/inspect.h"

#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

namespace routedk::workflow {

std::string written_text(const std::filesystem::path& output) {
  std::uintmax_t bytes = 0;
  std::int64_t files = 0;
  const auto add = [&](const std::filesystem::path& file) {
    bytes += std::filesystem::file_size(file);
    ++files;
  };
  if (std::filesystem::is_directory(output)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(output)) {
      if (entry.is_regular_file()) {
        add(entry.path());
      }
    }
  } else {
    add(output);
  }
  return fmt::format("{}: {}, {:.1f} MiB\n", displayed(output.string()), counted(files, "file"),
                     static_cast<double>(bytes) / (1 << 20));
}

}  // namespace routedk::workflow
