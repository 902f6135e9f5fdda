#include "routedk/io/gguf.h"

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
    const io::BlockLayout block = io::ggml_block(tensor.type);
    const auto elements = tensor.bytes.size() / block.bytes * static_cast<std::size_t>(block.elements);
    std::vector<float> values(elements);  // bounded by the file's own size
    io::ggml_dequantize(tensor.type, tensor.bytes, values);
  }
}

}  // namespace routedk::fuzz
