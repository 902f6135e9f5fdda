/// Writes GGUF version 3 (format: ggml's docs/gguf.md).
#pragma once

#include "routedk/core/files.h"
#include "routedk/io/gguf.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace routedk::io {

/// A key of the file and its value, which is written with its own type.
struct GgufKey {
  std::string name;
  std::variant<std::uint32_t, float, std::string> value;
};

/// Writes a file tensor by tensor, so that only one need be in memory. The destructor removes the file unless
/// committed.
class GgufWriter {
 public:
  /// `tensors`: names, types and shapes of all tensors, in order; their bytes are ignored. Error unless keys
  /// and tensors have distinct names, those of tensors at most the 63 bytes that ggml reads, 1 to 4 positive
  /// dimensions and rows of whole blocks. SystemError on failure.
  GgufWriter(const std::filesystem::path& path, const std::vector<GgufKey>& keys,
             std::vector<GgufTensor> tensors);
  /// The next tensor. Error unless it is the one announced. SystemError, e.g. on a full disk.
  void append(const GgufTensor& tensor);
  /// Flushes and renames to the final name. Error when a tensor is missing; SystemError on failure.
  void commit();

 private:
  std::vector<GgufTensor> announced_;
  std::size_t next_ = 0;
  FileWriter file_;
};

}  // namespace routedk::io
