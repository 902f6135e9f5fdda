/// Reads GGUF versions 2 and 3 (format: ggml's docs/gguf.md), in one file or several parts.
#pragma once

#include "routedk/core/named_enum.h"
#include "routedk/io/mapped_file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace routedk::io {

/// Type numbers of the format.
enum class GgmlType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kBF16 = 30
};
constexpr auto enum_names(GgmlType /*of*/) {
  return std::to_array<EnumName<GgmlType>>({{GgmlType::kF32, "F32"},
                                            {GgmlType::kF16, "F16"},
                                            {GgmlType::kBF16, "BF16"},
                                            {GgmlType::kQ8_0, "Q8_0"},
                                            {GgmlType::kQ4_0, "Q4_0"},
                                            {GgmlType::kQ4_1, "Q4_1"},
                                            {GgmlType::kQ5_0, "Q5_0"},
                                            {GgmlType::kQ5_1, "Q5_1"},
                                            {GgmlType::kQ4_K, "Q4_K"},
                                            {GgmlType::kQ5_K, "Q5_K"},
                                            {GgmlType::kQ6_K, "Q6_K"}});
}
/// Elements and bytes of one block: Q4_1 is {32, 20}, Q6_K {256, 210}, F32 {1, 4}.
struct BlockLayout {
  std::int64_t elements;
  std::size_t bytes;
};
BlockLayout ggml_block(GgmlType type) noexcept;

/// One tensor of the file; shape is row-major, slowest dimension first (the reverse of the file's order).
struct GgufTensor {
  std::string name;
  GgmlType type = GgmlType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const MappedFile> mapping;  ///< the part that contains the bytes
};

/// Integers of every width are read as int64 (a uint64 above its range is a FileError), floats as double.
using GgufValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                               std::vector<double>, std::vector<std::string>>;

class GgufFile {
 public:
  /// Maps and checks the file: magic, version, counts against the file's size before any allocation,
  /// alignment, tensor ranges without overlaps. The first of several parts, NAME-00001-of-0000N.gguf
  /// (`split.count`), includes the tensors of the others, which must be in the same folder; keys are those of
  /// the first part. FileError names file, place, rule and value.
  static GgufFile open(const std::filesystem::path& path);

  const std::map<std::string, GgufTensor>& tensors() const noexcept { return tensors_; }
  const GgufTensor& tensor(const std::string& name) const;
  bool has(const std::string& key) const { return metadata_.contains(key); }
  const std::map<std::string, GgufValue>& metadata() const noexcept { return metadata_; }

  /// Metadata by key; FileError when the key is missing or has another type.
  std::int64_t integer(const std::string& key) const;
  double real(const std::string& key) const;
  bool boolean(const std::string& key) const;
  const std::string& text(const std::string& key) const;
  const std::vector<std::string>& texts(const std::string& key) const;
  const std::vector<std::int64_t>& integers(const std::string& key) const;
  const std::vector<double>& reals(const std::string& key) const;

  /// The file that was opened; for several parts, the first.
  const MappedFile& file() const noexcept { return *file_; }

 private:
  static GgufFile open_part(const std::filesystem::path& path);
  void add_parts();
  void add_part(const std::filesystem::path& path, std::int64_t number);

  template <typename T>
  const T& value(const std::string& key) const;

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, GgufTensor> tensors_;
  std::map<std::string, GgufValue> metadata_;
};

}  // namespace routedk::io
