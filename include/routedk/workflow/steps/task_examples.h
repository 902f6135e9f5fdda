/// A user's own task: JSON lines of {"prompt", "completion", "expert"} and perhaps "reference", with no
/// bundle in sight.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace routedk::workflow {

struct TaskExample {
  std::string prompt;      ///< the user's turn
  std::string completion;  ///< the assistant's
  std::string expert;      ///< who learns from it
  std::string where;       ///< file:line
  /// What answers are compared with, the best counts: "reference", a text or a list of them; else the
  /// completion.
  std::vector<std::string> references{};
};

/// DataError naming file:line where a line is no object of these keys, a text is empty, or the
/// expert is none of `experts`; DataError when the file has no line.
std::vector<TaskExample> read_task_examples(const std::filesystem::path& file,
                                            const std::vector<std::string>& experts);

}  // namespace routedk::workflow
