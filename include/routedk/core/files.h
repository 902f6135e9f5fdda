/// Atomic creation of files and folders: written under a temporary name in the same folder, flushed to disk,
/// then renamed.
#pragma once

#include "routedk/core/input_file.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace routedk {

/// The whole content. FileError when the path is missing, not a regular file, unreadable or larger than
/// `most` bytes (core/input_file.h has the limit of each kind).
std::string read_file(const std::filesystem::path& path, std::uint64_t most = kMostJsonBytes);

/// Who may read a new file: those whom the umask allows, or its owner alone.
enum class Readers { kUmask, kOwner };
/// The mode for opening a new file.
unsigned int mode_for(Readers readers) noexcept;

/// Replaces or creates `path`. SystemError names the path and the cause (a full disk) and leaves nothing
/// behind.
void write_file_atomic(const std::filesystem::path& path, std::string_view content,
                       Readers readers = Readers::kUmask);

/// "<path>.tmp-1a2b3c4d": the name of a file that an interrupted writer leaves behind.
std::filesystem::path temporary_name(const std::filesystem::path& path);
/// Whether the name of a file or folder was made by temporary_name.
bool is_temporary_name(const std::filesystem::path& path);
/// Flushes a file or the entries of a folder to disk. SystemError on failure.
void flush_to_disk(const std::filesystem::path& path);
/// Writes all bytes to an open descriptor; false, with errno set, on failure.
bool write_all(int fd, std::string_view bytes) noexcept;

/// A file written in pieces; the destructor removes it unless committed.
class FileWriter {
 public:
  /// SystemError when the temporary file cannot be created.
  explicit FileWriter(std::filesystem::path path, Readers readers = Readers::kUmask);
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter();

  /// Appends. SystemError, e.g. on a full disk.
  void write(std::string_view bytes);
  /// Flushes and renames to the final name. SystemError on failure.
  void commit();

 private:
  void close() noexcept;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
  bool committed_ = false;
};

/// A folder filled under a temporary name; the destructor removes it unless committed.
class FolderWriter {
 public:
  /// Creates the temporary folder (and its parents). SystemError on failure.
  explicit FolderWriter(const std::filesystem::path& path);
  FolderWriter(const FolderWriter&) = delete;
  FolderWriter& operator=(const FolderWriter&) = delete;
  ~FolderWriter();

  /// Where to write before commit.
  const std::filesystem::path& path() const noexcept { return temporary_; }
  /// Flushes every file and folder, then renames to the final name. An existing folder is exchanged with the
  /// new one, atomically where the file system can, and then removed. SystemError on failure.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

}  // namespace routedk
