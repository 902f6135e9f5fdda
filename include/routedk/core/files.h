/// Files and folders that appear whole or not at all: written under a temporary name in the same folder,
/// flushed to disk, then renamed.
#pragma once

#include "routedk/core/input_file.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace routedk {

/// The whole content. FileError when the path is missing, no regular file, unreadable or of more than `most`
/// bytes (core/input_file.h has the limit of each kind).
std::string read_file(const std::filesystem::path& path, std::uint64_t most = kMostJsonBytes);

/// Who may read a file that is written: whom the umask lets, or its owner alone.
enum class Readers { kUmask, kOwner };
/// The mode to open a new file with.
unsigned int mode_for(Readers readers) noexcept;

/// Replaces or creates `path`. SystemError names the path and the cause (a full disk); then nothing is left.
void write_file_atomic(const std::filesystem::path& path, std::string_view content,
                       Readers readers = Readers::kUmask);

/// "<path>.tmp-1a2b3c4d": what an interrupted writer leaves behind.
std::filesystem::path temporary_name(const std::filesystem::path& path);
/// Whether a file or folder bears a name made by temporary_name.
bool is_temporary_name(const std::filesystem::path& path);
/// Flushes a file or the entries of a folder to disk. SystemError.
void flush_to_disk(const std::filesystem::path& path);
/// Writes all bytes to an open descriptor; false with errno set when the system refuses.
bool write_all(int fd, std::string_view bytes) noexcept;

/// A file written piece by piece; the destructor removes it unless it was committed.
class FileWriter {
 public:
  /// SystemError when the temporary file cannot be made.
  explicit FileWriter(std::filesystem::path path, Readers readers = Readers::kUmask);
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter();

  /// Appends. SystemError, e.g. for a full disk.
  void write(std::string_view bytes);
  /// Flushes and renames onto the final name. SystemError.
  void commit();

 private:
  void close() noexcept;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
  bool committed_ = false;
};

/// A folder filled under a temporary name; the destructor removes it unless it was committed.
class FolderWriter {
 public:
  /// Makes the temporary folder (and the folders above it). SystemError.
  explicit FolderWriter(const std::filesystem::path& path);
  FolderWriter(const FolderWriter&) = delete;
  FolderWriter& operator=(const FolderWriter&) = delete;
  ~FolderWriter();

  /// Where to write until commit.
  const std::filesystem::path& path() const noexcept { return temporary_; }
  /// Flushes every file and folder, then renames onto the final name; an existing folder is exchanged for
  /// the new one in one step where the file system can, and removed. SystemError.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

}  // namespace routedk
