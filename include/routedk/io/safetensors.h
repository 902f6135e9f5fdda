/// Reads and writes safetensors: 8 bytes of little-endian header length, a JSON header, raw tensors.
#pragma once

#include "routedk/core/files.h"
#include "routedk/core/named_enum.h"
#include "routedk/io/mapped_file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace routedk::io {

enum class Dtype { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };
/// The names in the format.
constexpr auto enum_names(Dtype /*of*/) {
  return std::to_array<EnumName<Dtype>>({{Dtype::kF64, "F64"},
                                         {Dtype::kF32, "F32"},
                                         {Dtype::kF16, "F16"},
                                         {Dtype::kBF16, "BF16"},
                                         {Dtype::kI64, "I64"},
                                         {Dtype::kI32, "I32"},
                                         {Dtype::kI16, "I16"},
                                         {Dtype::kI8, "I8"},
                                         {Dtype::kU8, "U8"},
                                         {Dtype::kBool, "BOOL"}});
}

/// Bytes per element.
std::size_t dtype_size(Dtype dtype) noexcept;

/// A named, typed, non-owning view of bytes.
struct TensorView {
  std::string name;
  Dtype dtype = Dtype::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

class SafetensorsFile {
 public:
  /// Maps and checks the file: header at most 100 MB, no duplicate key, offsets in range, in order, without
  /// gaps or overlaps, sizes equal to shape x dtype. FileError names file, tensor, rule and value.
  static SafetensorsFile open(const std::filesystem::path& path);

  /// The tensors by name; views live as long as this object or a copy of it.
  const std::map<std::string, TensorView>& tensors() const noexcept { return tensors_; }
  /// FileError if there is no such tensor.
  const TensorView& at(const std::string& name) const;
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  const MappedFile& file() const noexcept { return *file_; }
  /// The same file, for views that outlive this object.
  std::shared_ptr<const MappedFile> mapping() const noexcept { return file_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// The bytes of its dtype and shape; Error if they exceed 64 bits.
std::uint64_t tensor_bytes(const TensorView& tensor);

/// Writes a file tensor by tensor, so that only one need be in memory. The destructor removes the file unless
/// committed.
class SafetensorsWriter {
 public:
  /// `tensors`: names, types and shapes of all tensors, in order; their bytes are ignored.
  SafetensorsWriter(const std::filesystem::path& path, std::span<const TensorView> tensors,
                    const std::map<std::string, std::string>& metadata = {});
  /// The next tensor. Error unless it is the one announced. SystemError, e.g. on a full disk.
  void append(const TensorView& tensor);
  /// Flushes and renames to the final name. Error when a tensor is missing; SystemError on failure.
  void commit();

 private:
  std::vector<TensorView> announced_;
  std::size_t next_ = 0;
  FileWriter file_;
};

/// Writes the tensors in the given order under a temporary name, then flushes and renames it. The header is
/// padded with spaces to 8 bytes. SystemError on a full disk.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace routedk::io
