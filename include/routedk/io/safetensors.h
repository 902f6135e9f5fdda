/// safetensors: 8 bytes of little-endian header length, a JSON header, raw tensors.
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
/// The format's own names.
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

/// Bytes of one element.
std::size_t dtype_size(Dtype dtype) noexcept;

/// A named, typed view of bytes that someone else owns.
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
  /// FileError when there is no such tensor.
  const TensorView& at(const std::string& name) const;
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  const MappedFile& file() const noexcept { return *file_; }
  /// The same, for a view that outlives this object.
  std::shared_ptr<const MappedFile> mapping() const noexcept { return file_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// What dtype and shape take; Error when that exceeds 64 bits.
std::uint64_t tensor_bytes(const TensorView& tensor);

/// A file whose tensors are written one after another, so that no two need be in memory at once. The
/// destructor removes what was not committed.
class SafetensorsWriter {
 public:
  /// `tensors`: names, types and shapes of all that will come, in order; their bytes are not looked at.
  SafetensorsWriter(const std::filesystem::path& path, std::span<const TensorView> tensors,
                    const std::map<std::string, std::string>& metadata = {});
  /// The next tensor. Error unless it is the one announced. SystemError, e.g. for a full disk.
  void append(const TensorView& tensor);
  /// Flushes and renames onto the final name. Error when a tensor is missing; SystemError.
  void commit();

 private:
  std::vector<TensorView> announced_;
  std::size_t next_ = 0;
  FileWriter file_;
};

/// Writes the tensors in the given order under a temporary name, flushes, renames. The header is padded with
/// spaces to 8 bytes. SystemError when the disk is full.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace routedk::io
