/// Configuration text as a tree of nodes that remember where they were written.
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
  std::string name{};   ///< of a section's member
  std::string text{};   ///< of a scalar
  bool quoted = false;  ///< a scalar written in quotes is a text, never a number
  bool blank = false;   ///< null as an assignment without a value, which a text takes as the empty one
  std::string place{};
  std::filesystem::path folder{};      ///< of the file that it is written in; empty of an assignment
  std::vector<ConfigNode> children{};  ///< items of a list or members of a map, in the order of the file

  /// The map's member of that name, or nullptr.
  const ConfigNode* find(const std::string& wanted) const;
  ConfigNode* find(const std::string& wanted);
};

/// A section whose members are not known beforehand, kept as it is written; empty by default.
struct ConfigTree {
  ConfigNode root{.kind = ConfigNode::Kind::kMap};
};
/// As YAML in one line: {a: 1, b: [x, null]}.
std::string yaml_flow(const ConfigNode& node);

/// The value as an error message shows it: `abc`, null, "empty", "a list", "a section".
std::string describe(const ConfigNode& node);

/// A YAML document and the assignments made over it.
class ConfigSource {
 public:
  /// `extends: PATH`, seen from the file's own folder, names a file whose values hold where this one has
  /// none; sections are merged, lists replaced. ConfigError where more than 8 files follow each other.
  /// FileError when a file cannot be read; otherwise as from_string.
  static ConfigSource from_file(const std::filesystem::path& path);
  /// `name` stands for the file in places. ConfigError when the text is not one YAML mapping, repeats a key,
  /// or uses anchors.
  static ConfigSource from_string(const std::string& yaml, const std::string& name);
  /// No document: every field keeps its default.
  static ConfigSource empty();

  /// Assigns "a.b=value", the value read as YAML, nothing as an empty text or null; the last assignment wins.
  /// Missing sections are made. ConfigError when the text has another form or its path runs through something
  /// that is not a section.
  void set(const std::string& assignment);

  /// Lets a section's values hold over those that are there: sections are merged, lists replaced.
  void merge(const ConfigNode& over);
  /// Takes the top-level member of that name out, where there is one.
  std::optional<ConfigNode> take(const std::string& name);

  const ConfigNode& root() const noexcept { return root_; }

 private:
  ConfigNode root_;
};

}  // namespace routedk
