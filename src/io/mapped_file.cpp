#include "routedk/io/mapped_file.h"

#include "routedk/core/error.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace routedk::io {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw_<FileError>("{} must be a readable file, but the system says: {}.", path.string(),
                    std::system_category().message(error));
}

// The size of an open regular file.
std::size_t regular_size(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    fail(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw_<FileError>("{} must be a regular file, but is {} instead.", path.string(),
                      S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
  }
  return static_cast<std::size_t>(status.st_size);
}

class Descriptor {
 public:
  // Without O_NONBLOCK a pipe of that name would wait for a writer.
  explicit Descriptor(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0) {
      fail(path, errno);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(fd_); }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor file(path);
  const std::size_t size = regular_size(file.get(), path);
  const void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (data == MAP_FAILED) {
      fail(path, errno);
    }
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, static_cast<const std::byte*>(data), size));
}

MappedFile::MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (size_ > 0) {
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
}

void MappedFile::release(std::span<const std::byte> part) const noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto first = static_cast<std::size_t>(part.data() - data_);
  const std::size_t begin = (first + page - 1) / page * page;
  // The file's last page is whole in memory even where the file ends inside it.
  const std::size_t end = first + part.size() == size_ ? size_ : (first + part.size()) / page * page;
  if (begin < end) {
    ::madvise(const_cast<std::byte*>(data_ + begin), end - begin, MADV_DONTNEED);
  }
}

}  // namespace routedk::io
