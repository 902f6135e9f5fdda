#include "json_fields.h"

#include "routedk/core/error.h"

namespace routedk::experts {

JsonFields::JsonFields(std::filesystem::path path) : path_(std::move(path)), fields_(io::read_json(path_)) {
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
    throw_<FileError>("`{}` must be {}, but is {} instead ({})", key, rule, (*this)[key].dump(),
                      path_.string());
  }
}

}  // namespace routedk::experts
