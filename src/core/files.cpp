#include "routedk/core/files.h"

#include "routedk/core/error.h"

#include <cerrno>
#include <cstring>
#include <random>
#include <regex>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace routedk {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* action, const fs::path& path, int error) {
  throw_<SystemError>("{} must be {}, but the system says: {}.", path.string(), action,
                      std::system_category().message(error));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path without_trailing_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    fail("made", path, error.value());
  }
}

// Uses two renames if the file system cannot exchange two names: in between, the final name is missing, but
// never half-written.
void replace_folder(const fs::path& fresh, const fs::path& path) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    fs::remove_all(fresh);
    return;
  }
  const fs::path old = temporary_name(path);
  if (::rename(path.c_str(), old.c_str()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) {
    fail("replaced", path, errno);
  }
  fs::remove_all(old);
}

}  // namespace

std::string read_file(const fs::path& path, std::uint64_t most) {
  return InputFile(path).read(most);
}

unsigned int mode_for(Readers readers) noexcept {
  return readers == Readers::kOwner ? 0600 : 0666;
}

void write_file_atomic(const fs::path& path, std::string_view content, Readers readers) {
  FileWriter file(path, readers);
  file.write(content);
  file.commit();
}

fs::path temporary_name(const fs::path& path) {
  fs::path name = without_trailing_slash(path);
  name += fmt::format(".tmp-{:08x}", std::random_device{}());
  return name;
}

bool is_temporary_name(const fs::path& path) {
  static const std::regex kPattern(R"(.+\.tmp-[0-9a-f]{8})");
  return std::regex_match(path.filename().string(), kPattern);
}

void flush_to_disk(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool flushed = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) {
    ::close(fd);
  }
  if (!flushed) {
    fail("flushed to disk", path, error);
  }
}

bool write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

FileWriter::FileWriter(fs::path path, Readers readers)
    : path_(std::move(path)), temporary_(temporary_name(path_)) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_for(readers));
  if (fd_ < 0) {
    fail("written", path_, errno);
  }
}

FileWriter::~FileWriter() {
  close();
  if (!committed_) {
    ::unlink(temporary_.c_str());
  }
}

void FileWriter::close() noexcept {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

void FileWriter::write(std::string_view bytes) {
  if (!write_all(fd_, bytes)) {
    fail("written", path_, errno);
  }
}

void FileWriter::commit() {
  if (::fsync(fd_) != 0) {
    fail("flushed to disk", path_, errno);
  }
  close();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail("written", path_, errno);
  }
  committed_ = true;
  flush_to_disk(folder_of(path_));
}

FolderWriter::FolderWriter(const fs::path& path)
    : path_(without_trailing_slash(path)), temporary_(temporary_name(path_)) {
  make_folders(folder_of(path_));
  if (::mkdir(temporary_.c_str(), 0777) != 0) {
    fail("made", path_, errno);
  }
}

FolderWriter::~FolderWriter() {
  if (!committed_) {
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  }
}

void FolderWriter::commit() {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(temporary_)) {
    flush_to_disk(entry.path());
  }
  flush_to_disk(temporary_);
  if (fs::exists(path_)) {
    replace_folder(temporary_, path_);
  } else if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail("written", path_, errno);
  }
  committed_ = true;
  flush_to_disk(folder_of(path_));
}

}  // namespace routedk
