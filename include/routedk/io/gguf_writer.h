/// GGUF version 3, written (format: ggml's docs/gguf.md).
#pragma once

#include "routedk/core/files.h"
#include "routedk/io/gguf.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace routedk::io {

/// A key of the file and its value, whose type is the one that is written.
struct GgufKey {
  std::string name;
  std::variant<std::uint32_t, float, std::string> value;
};

/// A file whose tensors are written one after another, so that no two need be in memory at once. The
/// destructor removes what was not committed.
class GgufWriter {
 public:
  /// `tensors`: names, types and shapes of all that will come, in order; their bytes are not looked at. Error
  /// unless keys and tensors have different names, those of tensors at most the 63 bytes that ggml reads, 1
  /// to 4 positive dimensions and rows of whole blocks. SystemError.
  GgufWriter(const std::filesystem::path& path, const std::vector<GgufKey>& keys,
             std::vector<GgufTensor> tensors);
  /// The next tensor. Error unless it is the one announced. SystemError, e.g. for a full disk.
  void append(const GgufTensor& tensor);
  /// Flushes and renames onto the final name. Error when a tensor is missing; SystemError.
  void commit();

 private:
  std::vector<GgufTensor> announced_;
  std::size_t next_ = 0;
  FileWriter file_;
};

}  // namespace routedk::io
