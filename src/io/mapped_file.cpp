#include "routedk/io/mapped_file.h"

#include "routedk/core/error.h"
#include "routedk/core/input_file.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/mman.h>
#include <unistd.h>

namespace routedk::io {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw_<FileError>("{} must be a readable file, but the system says: {}.", path.string(),
                    std::system_category().message(error));
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const InputFile file(path);
  const auto size = static_cast<std::size_t>(file.size());
  const void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
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
  // The file's last page is complete in memory even if the file ends within it.
  const std::size_t end = first + part.size() == size_ ? size_ : (first + part.size()) / page * page;
  if (begin < end) {
    ::madvise(const_cast<std::byte*>(data_ + begin), end - begin, MADV_DONTNEED);
  }
}

}  // namespace routedk::io
