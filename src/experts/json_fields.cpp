#include "json_fields.h"

#include "routedk/core/error.h"

#include <system_error>

namespace routedk::experts {
namespace {

constexpr std::uintmax_t kMaxBytes = 16U << 20U;
constexpr std::size_t kMaxShown = 80;  // characters

io::Json read(const std::filesystem::path& path) {
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(path, unknown);
  if (!unknown && bytes > kMaxBytes) {
    throw_<FileError>("the file must have at most {} bytes, but has {} ({})", kMaxBytes, bytes,
                      path.string());
  }
  return io::read_json(path);
}

}  // namespace

std::string short_text(const io::Json& value) {
  const std::string text = value.dump();
  return text.size() <= kMaxShown ? text : text.substr(0, kMaxShown) + "...";
}

JsonFields::JsonFields(std::filesystem::path path) : path_(std::move(path)), fields_(read(path_)) {
  if (!fields_.is_object()) {
    throw_<FileError>("the content must be a JSON object, but is of type {} instead ({})",
                      fields_.type_name(), path_.string());
  }
}

const io::Json& JsonFields::operator[](const std::string& key) const {
  static const io::Json missing;
  const auto found = fields_.find(key);
  return found == fields_.end() ? missing : *found;
}

void JsonFields::require(bool holds, const std::string& key, const std::string& rule) const {
  if (!holds) {
    throw_<FileError>("`{}` must be {}, but is {} instead ({})", key.substr(0, kMaxShown), rule,
                      short_text((*this)[key]), path_.string());
  }
}

void JsonFields::require_of(bool holds, const std::string& key, const std::string& rule,
                            const std::string& part) const {
  if (!holds) {
    throw_<FileError>("`{}` must be {}, but has `{}` instead ({})", key, rule, part.substr(0, kMaxShown),
                      path_.string());
  }
}

std::string JsonFields::place(const std::string& key) const {
  return "`" + key + "` in " + path_.string();
}

}  // namespace routedk::experts
