/// One JSON object of a file, and errors that name its fields.
#pragma once

#include "routedk/io/jsonl.h"

#include <filesystem>
#include <string>
#include <vector>

namespace routedk::model {

/// A field that is null counts as absent. The readers throw a FileError that names the field and the file.
class JsonFields {
 public:
  /// FileError when the file is not one JSON object.
  explicit JsonFields(const std::filesystem::path& path);

  const io::Json& all() const noexcept { return fields_; }
  bool has(const std::string& key) const;
  /// The object under `key`.
  JsonFields section(const std::string& key) const;

  std::int64_t integer(const std::string& key) const;
  double real(const std::string& key) const;
  double real(const std::string& key, double otherwise) const { return has(key) ? real(key) : otherwise; }
  bool boolean(const std::string& key, bool otherwise) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  std::vector<std::string> texts(const std::string& key) const;

  /// FileError "`key` must be `rule`, but is <its value> instead (path)" unless `holds`.
  void require(bool holds, const std::string& key, const std::string& rule) const;

 private:
  JsonFields(std::string file, std::string prefix, io::Json fields);

  std::string file_;
  std::string prefix_;  // "rope_scaling." in a section
  io::Json fields_;
};

}  // namespace routedk::model
