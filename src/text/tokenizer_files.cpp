#include "tokenizer_files.h"

#include "routedk/core/error.h"
#include "routedk/io/mapped_file.h"

namespace routedk::text {

std::string read_tokenizer_file(const std::filesystem::path& path) {
  const auto file = io::MappedFile::open(path);
  const auto bytes = file->bytes();
  if (bytes.size() > kMaxTokenizerFile) {
    throw_<FileError>("{} must have at most {} bytes to be a tokenizer's file, but has {}.", path.string(),
                      kMaxTokenizerFile, bytes.size());
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string shown(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 40)) {
    const bool printable = c >= ' ' && c <= '~';
    text += printable ? std::string(1, c) : fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

}  // namespace routedk::text
