/// One JSON object of a file, and errors that name its fields.
#pragma once

#include "routedk/io/jsonl.h"

#include <filesystem>
#include <string>

namespace routedk::experts {

class JsonFields {
 public:
  /// FileError when the file is not one JSON object.
  explicit JsonFields(std::filesystem::path path);

  const io::Json& all() const noexcept { return fields_; }
  /// The value of a field; null where there is none.
  const io::Json& operator[](const std::string& key) const;
  /// FileError "`key` must be `rule`, but is <its value> instead (path)" unless `holds`.
  void require(bool holds, const std::string& key, const std::string& rule) const;

 private:
  std::filesystem::path path_;
  io::Json fields_;
};

}  // namespace routedk::experts
