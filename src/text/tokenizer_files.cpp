#include "tokenizer_files.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

namespace routedk::text {

std::string read_tokenizer_file(const std::filesystem::path& path) {
  return read_file(path, kMostTokenizerBytes);
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
