/// Reads external JSON value by value, with errors that name the place.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/io/jsonl.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <istream>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace routedk::io {

/// A value and its path in a document, which lives as long as any of its fields. A null or missing value is
/// absent. Readers throw a FileError if the value breaks their rule:
///   "`rope_scaling.factor` must be a number, but is missing instead (config.json)."
/// `Document` is Json, which keeps the order of keys, or nlohmann::json, which is fast for many keys.
template <typename Document>
class BasicJsonField {
 public:
  /// The root of a document; `source` names it in errors: "config.json", "knowledge.jsonl:3".
  BasicJsonField(Document document, std::string source);

  const Document& value() const noexcept { return *value_; }
  const std::string& path() const noexcept { return path_; }
  const std::string& source() const noexcept { return root_->source; }
  /// "`r` in adapter_config.json", for use in other errors.
  std::string place() const;
  bool absent() const noexcept { return value_->is_null(); }
  /// Whether the value is this string.
  bool is(std::string_view text) const;

  /// A member, absent if the object has none of this name.
  BasicJsonField operator[](const std::string& key) const;
  /// FileError when the object has any other member that is not null.
  void allow_only(const std::vector<std::string>& keys) const;
  /// The items of a list; none if absent.
  std::vector<BasicJsonField> items() const;

  const std::string& text() const;
  std::string text_or(const std::string& if_absent) const { return absent() ? if_absent : text(); }
  /// The same for a list of strings.
  std::vector<std::string> texts() const;
  /// The index of the string in `names`.
  std::size_t choice(const std::vector<std::string>& names) const;
  /// The enum value that the string names.
  template <NamedEnum E>
  E choice() const {
    std::vector<std::string> names;
    for (const auto& [value, name] : enum_names(E{})) {
      names.emplace_back(name);
    }
    return enum_names(E{}).at(choice(names)).value;
  }
  bool boolean(bool if_absent) const;
  /// A finite number within the bounds.
  double real(double least = kLowest, double most = kHighest) const;
  double real_or(double if_absent) const { return absent() ? if_absent : real(); }
  /// An integer within the bounds; `T` has 64 bits.
  template <typename T = std::int64_t>
  T integer(std::type_identity_t<T> least = std::numeric_limits<T>::min(),
            std::type_identity_t<T> most = std::numeric_limits<T>::max()) const;

  /// FileError "`path` must RULE, but is VALUE instead (source)." unless `holds`. The rule begins with a
  /// verb.
  void require(bool holds, std::string_view rule) const;
  [[noreturn]] void refuse(std::string_view rule) const;
  /// The same if `part` of the value breaks the rule: "..., but has `PART` instead (source)."
  [[noreturn]] void refuse_part(std::string_view rule, std::string_view part) const;

 private:
  static constexpr double kLowest = std::numeric_limits<double>::lowest();
  static constexpr double kHighest = std::numeric_limits<double>::max();

  struct Root {
    Document document;
    std::string source;
  };

  BasicJsonField(std::shared_ptr<const Root> root, const Document& value, std::string path)
      : root_(std::move(root)), value_(&value), path_(std::move(path)) {}

  std::shared_ptr<const Root> root_;
  const Document* value_;
  std::string path_;  // "rope_scaling.factor", "added_tokens[0].id"; empty for the root
};

using JsonField = BasicJsonField<Json>;

/// Reads a JSON file (core/input_file.h); FileError names the file and the rule.
JsonField read_json_field(const std::filesystem::path& path);

using OnRecord = std::function<void(const JsonField&)>;

/// Reads the values of JSON lines one after another, like read_jsonl; errors name source and line.
void read_records(const std::filesystem::path& path, const OnRecord& on_record);
void read_records(std::istream& in, const std::string& source, const OnRecord& on_record);

template <typename Document>
template <typename T>
T BasicJsonField<Document>::integer(std::type_identity_t<T> least, std::type_identity_t<T> most) const {
  static_assert(sizeof(T) == 8);
  const auto fits = [&](auto number) {
    return std::cmp_greater_equal(number, least) && std::cmp_less_equal(number, most);
  };
  const bool holds = value_->is_number_unsigned()
                         ? fits(value_->template get<std::uint64_t>())
                         : value_->is_number_integer() && fits(value_->template get<std::int64_t>());
  if (!holds) {
    refuse(most < std::numeric_limits<T>::max() ? fmt::format("be an integer from {} to {}", least, most)
           : std::cmp_greater(least, std::numeric_limits<std::int64_t>::min())
               ? fmt::format("be an integer of at least {}", least)
               : "be an integer");
  }
  return value_->template get<T>();
}

}  // namespace routedk::io
