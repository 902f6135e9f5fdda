/// One JSON object of a file, and errors that name its fields.
#pragma once

#include "routedk/io/jsonl.h"

#include <filesystem>
#include <string>

namespace routedk::experts {

/// A value for an error, cut short.
std::string short_text(const io::Json& value);

class JsonFields {
 public:
  /// FileError when the file is not one JSON object of at most 16 MiB.
  explicit JsonFields(std::filesystem::path path);

  const io::Json& all() const noexcept { return fields_; }
  /// The value of a field; null where there is none.
  const io::Json& operator[](const std::string& key) const;
  /// FileError "`key` must be `rule`, but is <its value> instead (path)" unless `holds`.
  void require(bool holds, const std::string& key, const std::string& rule) const;
  /// The same where `part` of the value breaks the rule.
  void require_of(bool holds, const std::string& key, const std::string& rule, const std::string& part) const;
  /// "`key` in path", for errors of others.
  std::string place(const std::string& key) const;

 private:
  std::filesystem::path path_;
  io::Json fields_;
};

}  // namespace routedk::experts
