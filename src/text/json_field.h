/// JSON from outside, read with errors that name the place.
#pragma once

#include "routedk/core/error.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace routedk::text {

using Json = nlohmann::json;

/// Parses a document whose objects have no key twice and that is at most 16 deep; FileError names the file
/// and the place.
Json parse_strictly(std::string_view text, const std::string& source);

/// A value and where it stands; an absent one is null.
class JsonField {
 public:
  JsonField(const Json& value, std::string path, const std::string& source)
      : value_(&value), path_(std::move(path)), source_(&source) {}

  const Json& value() const noexcept { return *value_; }
  const std::string& path() const noexcept { return path_; }
  const std::string& source() const noexcept { return *source_; }
  bool absent() const noexcept { return value_->is_null(); }

  /// A member; FileError where this is no object.
  JsonField operator[](const std::string& key) const;
  /// An item; FileError where this is no array.
  JsonField item(std::size_t i) const;
  /// Items of an array, 0 where absent.
  std::size_t size() const;

  const std::string& text() const;
  bool flag(bool if_absent) const;
  std::int64_t integer() const;
  /// Whether the value is there and this text.
  bool is(std::string_view text) const {
    return value_->is_string() && value_->get_ref<const std::string&>() == text;
  }

  /// FileError: "`path` must RULE, but is VALUE (source)."
  [[noreturn]] void refuse(std::string_view rule) const;

 private:
  const Json* value_;
  std::string path_;
  const std::string* source_;
};

}  // namespace routedk::text
