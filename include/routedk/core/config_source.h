/// Configuration text as a tree of nodes that record where they were written.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace routedk {

/// One value of a configuration. `place` is "demo.yaml:12", or "--set lora.rank" for an assignment.
struct ConfigNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string name{};   ///< of a member of a section
  std::string text{};   ///< of a scalar
  bool quoted = false;  ///< a quoted scalar is a string, never a number
  bool blank = false;   ///< null from an assignment without a value; a string field reads it as ""
  std::string place{};
  std::filesystem::path folder{};      ///< of the file that contains it; empty for an assignment
  std::vector<ConfigNode> children{};  ///< items of a list or members of a map, in the order of the file

  /// The map's member of that name, or nullptr.
  const ConfigNode* find(const std::string& wanted) const;
  ConfigNode* find(const std::string& wanted);
};

/// A section whose members are not known in advance, kept as written; empty by default.
struct ConfigTree {
  ConfigNode root{.kind = ConfigNode::Kind::kMap};
};
/// As YAML on one line: {a: 1, b: [x, null]}.
std::string yaml_flow(const ConfigNode& node);

/// The value as an error message shows it: `abc`, null, "empty", "a list", "a section".
std::string describe(const ConfigNode& node);

/// A YAML document and the assignments that override it.
class ConfigSource {
 public:
  /// `extends: PATH`, relative to the file's own folder, names a file with values for what this one does not
  /// set; sections are merged, lists replaced. ConfigError for a chain of more than 8 files. FileError when a
  /// file cannot be read; otherwise as from_string.
  static ConfigSource from_file(const std::filesystem::path& path);
  /// `name` is used as the file name in places. ConfigError when the text is not a single YAML mapping,
  /// repeats a key, or uses anchors.
  static ConfigSource from_string(const std::string& yaml, const std::string& name);
  /// No document: every field keeps its default.
  static ConfigSource empty();

  /// Assigns "a.b=value"; the value is read as YAML, and an empty one is an empty string or null. The last
  /// assignment wins. Missing sections are created. ConfigError when the text has another form or its path
  /// passes through something that is not a section.
  void set(const std::string& assignment);

  /// Overrides existing values with those of a section: sections are merged, lists replaced.
  void merge(const ConfigNode& over);
  /// Removes and returns the top-level member of that name, if there is one.
  std::optional<ConfigNode> take(const std::string& name);

  const ConfigNode& root() const noexcept { return root_; }

 private:
  ConfigNode root_;
};

}  // namespace routedk
