#include "routedk/workflow/steps/task_examples.h"

#include "routedk/core/error.h"
#include "routedk/io/jsonl.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::workflow {
namespace {

std::string text_of(const io::Json& line, const char* key, const std::string& where) {
  if (!line.contains(key) || !line[key].is_string() || line[key].get_ref<const std::string&>().empty()) {
    throw_<DataError>("`{}` of an example must be a text that is not empty, but is {} instead ({})", key,
                      line.contains(key) ? line[key].dump() : "missing", where);
  }
  return line[key].get<std::string>();
}

std::vector<std::string> references_of(const io::Json& line, const std::string& where) {
  if (!line.contains("reference")) {
    return {text_of(line, "completion", where)};
  }
  const io::Json& given = line["reference"];
  const io::Json list = given.is_array() ? given : io::Json::array({given});
  std::vector<std::string> references;
  for (const io::Json& one : list) {
    references.push_back(text_of({{"reference", one}}, "reference", where));
  }
  if (references.empty()) {
    throw_<DataError>("`reference` of an example must be at least 1 text, but is [] instead ({})", where);
  }
  return references;
}

TaskExample example_of(const io::Json& line, const std::string& where) {
  if (!line.is_object() || line.size() > (line.contains("reference") ? 4 : 3)) {
    throw_<DataError>(
        "an example must be an object of prompt, completion, expert and at most reference, but is {} instead "
        "({})",
        line.is_object() ? fmt::format("one of {} members", line.size()) : line.type_name(), where);
  }
  return {text_of(line, "prompt", where), text_of(line, "completion", where), text_of(line, "expert", where),
          where, references_of(line, where)};
}

}  // namespace

std::vector<TaskExample> read_task_examples(const std::filesystem::path& file,
                                            const std::vector<std::string>& experts) {
  std::vector<TaskExample> examples;
  io::read_jsonl(file, [&](const io::Json& line, std::int64_t number) {
    const std::string where = fmt::format("{}:{}", file.string(), number);
    examples.push_back(example_of(line, where));
    if (std::find(experts.begin(), experts.end(), examples.back().expert) == experts.end()) {
      throw_<DataError>("`expert` of an example must be one of {}, but is `{}` instead ({})",
                        fmt::join(experts, ", "), examples.back().expert, where);
    }
  });
  if (examples.empty()) {
    throw_<DataError>("a file of examples must have at least 1 line, but has 0 ({})", file.string());
  }
  return examples;
}

}  // namespace routedk::workflow
