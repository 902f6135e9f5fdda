#include "routedk/core/input_file.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace routedk {
namespace {

[[noreturn]] void refuse_file(const std::filesystem::path& path, int error) {
  throw_<FileError>("{} must be a readable file, but the system says: {}.", path.string(),
                    std::system_category().message(error));
}

}  // namespace

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) {
    refuse_file(path_, errno);
  }
  struct stat status {};
  if (::fstat(fd_, &status) != 0) {
    const int error = errno;
    ::close(fd_);
    refuse_file(path_, error);
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd_);
    throw_<FileError>("{} must be a regular file, but is {} instead.", path_.string(),
                      S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

int InputFile::release() noexcept {
  return std::exchange(fd_, -1);
}

void InputFile::require_at_most(std::uint64_t most) const {
  if (size_ > most) {
    throw_<FileError>("{} must have at most {} bytes, but has {} instead.", path_.string(), most, size_);
  }
}

std::string InputFile::read(std::uint64_t most) const {
  require_at_most(most);
  std::string content(static_cast<std::size_t>(size_), '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = ::read(fd_, content.data() + done, content.size() - done);
    if (count < 0 && errno != EINTR) {
      throw_<SystemError>("{} must be read, but the system says: {}.", path_.string(),
                          std::system_category().message(errno));
    }
    if (count == 0) {
      break;  // truncated during the read
    }
    done += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
  content.resize(done);
  return content;
}

}  // namespace routedk
