#include "sentence_piece_model.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace routedk::text {
namespace {

/// Builds a message of a protocol buffer, field by field.
class Message {
 public:
  Message& integer(std::uint64_t field, std::uint64_t value) {
    number(field << 3U);
    number(value);
    return *this;
  }
  Message& real(std::uint64_t field, float value) {
    number(field << 3U | 5U);
    const auto bytes = std::bit_cast<std::array<char, sizeof(value)>>(value);
    bytes_.append(bytes.data(), bytes.size());
    return *this;
  }
  Message& text(std::uint64_t field, const std::string& value) {
    number(field << 3U | 2U);
    number(value.size());
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void number(std::uint64_t value) {  // seven bits per byte, lowest first
    for (; value >= 0x80U; value >>= 7U) {
      bytes_ += static_cast<char>(value | 0x80U);
    }
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

/// The library numbers types like TokenType.
TokenType piece_type(TokenType type) {
  return type == TokenType::kUserDefined || type == TokenType::kUnused ? TokenType::kNormal : type;
}

}  // namespace

std::string sentencepiece_model(const Vocabulary& vocabulary, std::span<const double> scores,
                                bool add_blank) {
  const auto& types = vocabulary.types;
  const bool has_bytes = std::find(types.begin(), types.end(), TokenType::kByte) != types.end();
  Message model;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    model.text(1, Message()
                      .text(1, vocabulary.tokens[id])
                      .real(2, static_cast<float>(scores[id]))
                      .integer(3, static_cast<std::uint64_t>(piece_type(types[id])))
                      .bytes());
  }
  const Message trainer = Message().integer(3, 2).integer(35, has_bytes ? 1 : 0);  // BPE, byte_fallback
  const Message normalizer =
      Message().integer(3, add_blank ? 1 : 0).integer(4, 0);  // dummy prefix, no trimming
  return model.text(2, trainer.bytes()).text(3, normalizer.bytes()).bytes();
}

}  // namespace routedk::text
