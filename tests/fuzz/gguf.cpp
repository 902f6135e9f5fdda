#include "routedk/io/gguf.h"

#include "routedk/core/random.h"
#include "routedk/text/tokenizer.h"

#include "targets.h"

namespace routedk::fuzz {

void gguf(const std::filesystem::path& file) {
  const io::GgufFile opened = io::GgufFile::open(file);
  if (opened.has("tokenizer.ggml.model")) {
    const auto tokenizer = text::Tokenizer::from_gguf(opened);
    tokenizer.decode(tokenizer.encode("ab b  \xC3\xA9<s>"));
  }
  for (const auto& [name, tensor] : opened.tensors()) {
    [[maybe_unused]] const volatile std::uint64_t all_is_read =
        hash64({reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()});
  }
}

}  // namespace routedk::fuzz
