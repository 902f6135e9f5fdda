/// A user's own task, unrelated to bundles: JSON lines, each an object of one of three shapes, recognised by
/// its keys:
///   {"prompt": text, "completion": text}
///   {"instruction": text, "input": text, "output": text}            input may be missing or empty
///   {"messages": [{"role": "system", "user" or "assistant", "content": text}, ...]}
/// Each may also have "expert" and "reference". A null value counts as missing.
#pragma once

#include "routedk/text/chat_template.h"
#include "routedk/workflow/experiment/data_config.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace routedk::workflow {

/// An assistant turn that is learnt or compared with answers.
struct TaskExample {
  std::vector<text::ChatMessage> prompt;  ///< the turns before it
  std::string completion;
  std::string expert;     ///< the expert that learns from it; "": every expert
  std::int64_t line = 0;  ///< of the file
  std::int64_t turn = 1;  ///< number of the assistant turn within the line
  std::string where;      ///< "file:line"; for later turns "file:line turn 2"
  /// What answers are compared with; the best match counts: "reference", a text or a list of texts, for the
  /// line's last turn; otherwise the completion.
  std::vector<std::string> references;
};

/// The turns that `loss` selects, in order. An instruction with an input becomes one user turn, the two
/// separated by a blank line. FileError with file:line, key and rule if a line is not JSON, has other keys or
/// an empty text, if its turns do not alternate between user and assistant after at most one system turn, or
/// if its expert is not in `experts`. DataError if the file has no line.
std::vector<TaskExample> read_task_examples(const std::filesystem::path& file,
                                            const std::vector<std::string>& experts, TurnLoss loss);

}  // namespace routedk::workflow
