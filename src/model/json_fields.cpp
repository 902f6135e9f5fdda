#include "json_fields.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <cmath>

namespace routedk::model {

JsonFields::JsonFields(const std::filesystem::path& path)
    : file_(path.string()), fields_(io::read_json(path)) {
  if (!fields_.is_object()) {
    throw_<FileError>("{} must be a JSON object, but is {} instead", file_, fields_.type_name());
  }
}

JsonFields::JsonFields(std::string file, std::string prefix, io::Json fields)
    : file_(std::move(file)), prefix_(std::move(prefix)), fields_(std::move(fields)) {}

bool JsonFields::has(const std::string& key) const {
  const auto found = fields_.find(key);
  return found != fields_.end() && !found->is_null();
}

void JsonFields::require(bool holds, const std::string& key, const std::string& rule) const {
  if (!holds) {
    const auto found = fields_.find(key);
    throw_<FileError>("`{}{}` must be {}, but is {} instead ({})", prefix_, key, rule,
                      found == fields_.end()
                          ? "missing"
                          : found->dump(-1, ' ', false, io::Json::error_handler_t::replace).substr(0, 60),
                      file_);
  }
}

JsonFields JsonFields::section(const std::string& key) const {
  require(has(key) && fields_[key].is_object(), key, "an object");
  return {file_, prefix_ + key + ".", fields_[key]};
}

std::int64_t JsonFields::integer(const std::string& key) const {
  // No real model exceeds this; it keeps every product of two sizes far from overflow.
  constexpr std::int64_t kLargest = std::int64_t{1} << 24;
  const bool whole = has(key) && fields_[key].is_number_integer();
  const bool fits = whole && fields_[key] >= 1 && fields_[key] <= kLargest;
  require(fits, key, "an integer between 1 and 16777216");
  return fields_[key].get<std::int64_t>();
}

double JsonFields::real(const std::string& key) const {
  require(has(key) && fields_[key].is_number() && std::isfinite(fields_[key].get<double>()), key, "a number");
  return fields_[key].get<double>();
}

bool JsonFields::boolean(const std::string& key, bool otherwise) const {
  require(!has(key) || fields_[key].is_boolean(), key, "true or false");
  return has(key) ? fields_[key].get<bool>() : otherwise;
}

std::string JsonFields::text(const std::string& key, const std::string& otherwise) const {
  require(!has(key) || fields_[key].is_string(), key, "a text");
  return has(key) ? fields_[key].get<std::string>() : otherwise;
}

std::vector<std::string> JsonFields::texts(const std::string& key) const {
  if (!has(key)) {
    return {};
  }
  const io::Json& list = fields_[key];
  require(
      list.is_array() && std::all_of(list.begin(), list.end(), [](const auto& t) { return t.is_string(); }),
      key, "a list of texts");
  return list.get<std::vector<std::string>>();
}

}  // namespace routedk::model
