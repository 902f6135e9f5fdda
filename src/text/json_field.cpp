#include "json_field.h"

#include "routedk/io/unique_keys.h"

#include "tokenizer_files.h"

namespace routedk::text {
namespace {

constexpr int kMaxDepth = 16;
constexpr std::size_t kShown = 60;

const Json& null_value() {
  static const Json null;
  return null;
}

}  // namespace

Json parse_strictly(std::string_view text, const std::string& source) {
  io::KeyWatch watch;
  const auto check = [&](int depth, Json::parse_event_t event, const Json& value) {
    if (depth > kMaxDepth) {
      throw_<FileError>("{} must be at most {} deep, but is deeper.", source, kMaxDepth);
    }
    if (const auto key = watch.repeated(event, value)) {
      throw_<FileError>("An object's keys must differ, but `{}` comes a second time ({}).", shown(*key),
                        source);
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception& error) {
    throw_<FileError>("{} must be JSON: {}.", source, std::string(error.what()).substr(0, 200));
  }
}

JsonField JsonField::operator[](const std::string& key) const {
  if (!value_->is_object()) {
    refuse("be an object");
  }
  const auto found = value_->find(key);
  return {found == value_->end() ? null_value() : *found, path_.empty() ? key : path_ + "." + key, *source_};
}

JsonField JsonField::item(std::size_t i) const {
  if (!value_->is_array() || i >= value_->size()) {
    refuse("be an array");
  }
  return {(*value_)[i], fmt::format("{}[{}]", path_, i), *source_};
}

std::size_t JsonField::size() const {
  if (!absent() && !value_->is_array()) {
    refuse("be an array");
  }
  return value_->size();
}

const std::string& JsonField::text() const {
  if (!value_->is_string()) {
    refuse("be a string");
  }
  return value_->get_ref<const std::string&>();
}

bool JsonField::flag(bool if_absent) const {
  if (!absent() && !value_->is_boolean()) {
    refuse("be true or false");
  }
  return absent() ? if_absent : value_->get<bool>();
}

std::int64_t JsonField::integer() const {
  if (!value_->is_number_integer() ||
      (value_->is_number_unsigned() && value_->get<std::uint64_t>() > INT64_MAX)) {
    refuse("be an integer");
  }
  return value_->get<std::int64_t>();
}

void JsonField::refuse(std::string_view rule) const {
  const std::string value = value_->dump(-1, ' ', true, Json::error_handler_t::replace);
  throw_<FileError>("`{}` must {}, but is {}{} ({}).", path_.empty() ? "the document" : path_, rule,
                    value.substr(0, kShown), value.size() > kShown ? "..." : "", *source_);
}

}  // namespace routedk::text
