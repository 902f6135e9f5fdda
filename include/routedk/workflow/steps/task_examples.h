/// A user's own task, with no bundle in sight: JSON lines, each an object of one of three shapes, told by its
/// keys:
///   {"prompt": text, "completion": text}
///   {"instruction": text, "input": text, "output": text}            input may be missing or empty
///   {"messages": [{"role": "system", "user" or "assistant", "content": text}, ...]}
/// and in each perhaps "expert" and "reference". A key that is null is missing.
#pragma once

#include "routedk/text/chat_template.h"
#include "routedk/workflow/experiment/data_config.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace routedk::workflow {

/// A turn of the assistant that is learnt, or compared with answers.
struct TaskExample {
  std::vector<text::ChatMessage> prompt;  ///< the turns before it
  std::string completion;
  std::string expert;     ///< who learns from it; "": every expert
  std::int64_t line = 0;  ///< of the file
  std::int64_t turn = 1;  ///< which of the assistant's turns in that line
  std::string where;      ///< "file:line", of a later turn "file:line turn 2"
  /// What answers are compared with, the best counts: of the line's last turn "reference", a text or a list
  /// of them; else the completion.
  std::vector<std::string> references;
};

/// The turns that `loss` names, in their order. An instruction with an input is the user's turn of both, a
/// blank line between. FileError naming file:line, key and rule where a line is no JSON, has other keys or an
/// empty text, its turns are not the user's and the assistant's in turn after at most one of the system, or
/// its expert is none of `experts`. DataError when the file has no line.
std::vector<TaskExample> read_task_examples(const std::filesystem::path& file,
                                            const std::vector<std::string>& experts, TurnLoss loss);

}  // namespace routedk::workflow
