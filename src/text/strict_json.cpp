#include "strict_json.h"

#include "routedk/core/error.h"
#include "routedk/io/parse_json.h"
#include "routedk/io/unique_keys.h"

#include "tokenizer_files.h"

namespace routedk::text {
namespace {

constexpr int kMaxDepth = 16;

}  // namespace

JsonField parse_strictly(std::string_view text, const std::string& source) {
  io::KeyWatch watch;
  const auto check = [&](int depth, Json::parse_event_t event, const Json& value) {
    if (depth > kMaxDepth) {
      throw_<FileError>("{} must be at most {} deep, but is deeper.", source, kMaxDepth);
    }
    if (const auto key = watch.repeated(event, value)) {
      throw_<FileError>("An object's keys must differ, but `{}` occurs a second time ({}).", shown(*key),
                        source);
    }
    return true;
  };
  try {
    return {Json::parse(text, check), source};
  } catch (const Json::exception& error) {
    throw_<FileError>("{} must be JSON, but {}.", source, io::refusal_of(text, error));
  }
}

}  // namespace routedk::text
