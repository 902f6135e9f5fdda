/// The only way to open an external file: a regular file, no larger than its kind may be.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace routedk {

// The most bytes that a file read into memory may have, by its kind.
inline constexpr std::uint64_t kMostSettingsBytes = 1U
                                                    << 20U;  ///< YAML, prompt and chat templates, checksums
inline constexpr std::uint64_t kMostJsonBytes = 64U << 20U;  ///< a JSON document, an index of shards
inline constexpr std::uint64_t kMostTokenizerBytes = 64U
                                                     << 20U;   ///< the largest known tokenizer.json has 33 MB
inline constexpr std::uint64_t kMostTableBytes = 512U << 20U;  ///< CSV, a knowledge store
inline constexpr std::uint64_t kMostLinesBytes = 4ULL << 30U;  ///< JSON lines, read one at a time
inline constexpr std::uint64_t kMostMetadataBytes = 16ULL << 30U;  ///< product metadata of all categories
inline constexpr std::uint64_t kMostLineBytes = 16U << 20U;        ///< one line of those

class InputFile {
 public:
  /// FileError when the path is missing, unreadable or not a regular file: folders, devices and pipes are
  /// refused without blocking.
  explicit InputFile(std::filesystem::path path);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  /// The whole content; FileError if it is larger than `most` bytes.
  std::string read(std::uint64_t most) const;
  /// FileError if it is larger than `most` bytes.
  void require_at_most(std::uint64_t most) const;

  int descriptor() const noexcept { return fd_; }
  std::uint64_t size() const noexcept { return size_; }
  /// Passes ownership of the descriptor to the caller.
  int release() noexcept;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace routedk
