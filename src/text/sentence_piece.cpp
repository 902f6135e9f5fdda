#include "sentence_piece.h"

#include "routedk/core/error.h"

#include <exception>
#include <limits>

#include <sentencepiece_processor.h>

namespace routedk::text {
namespace {

constexpr std::string_view kBlank = "\xE2\x96\x81";  // U+2581
constexpr std::size_t kMaxText = std::numeric_limits<std::int32_t>::max() / 4;

TokenType type_of(const sentencepiece::SentencePieceProcessor& processor, TokenId id) {
  if (processor.IsUnknown(id)) {
    return TokenType::kUnknown;
  }
  if (processor.IsControl(id)) {
    return TokenType::kControl;
  }
  if (processor.IsUnused(id)) {
    return TokenType::kUnused;
  }
  return processor.IsByte(id) ? TokenType::kByte : TokenType::kNormal;
}

/// normalizer_spec {add_dummy_prefix: false}: in a protocol buffer, the last value of a field counts.
constexpr std::string_view kNoBlankBefore("\x1A\x02\x18\x00", 4);

/// What the library says against the model; empty: it is loaded. The library's trie throws, for instance at a
/// piece that begins with a zero byte.
std::string fault_of(sentencepiece::SentencePieceProcessor& processor, std::string_view model) {
  try {
    const auto status = processor.LoadFromSerializedProto(model);
    return status.ok() ? "" : status.ToString();
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::unique_ptr<sentencepiece::SentencePieceProcessor> load(std::string_view model,
                                                            const std::string& source) {
  auto processor = std::make_unique<sentencepiece::SentencePieceProcessor>();
  if (const std::string fault = fault_of(*processor, model); !fault.empty()) {
    throw_<FileError>(
        "A tokenizer.model must be a sentencepiece model (a protocol buffer with pieces, trainer_spec and "
        "normalizer_spec), but this file of {} bytes is not ({}); sentencepiece says: {}.",
        model.size(), source, fault);
  }
  return processor;
}

}  // namespace

SentencePiece::SentencePiece(std::string_view model, const std::string& source)
    : processor_(load(model, source)), inside_(load(std::string(model).append(kNoBlankBefore), source)) {
  learn_blanks();
}

SentencePiece::~SentencePiece() = default;

/// The library does not expose add_dummy_prefix and remove_extra_whitespaces, so this tests its decoder.
void SentencePiece::learn_blanks() {
  for (TokenId id = 0; id < processor_->GetPieceSize(); ++id) {
    const std::string& piece = processor_->IdToPiece(id);
    if (type_of(*processor_, id) != TokenType::kNormal || !piece.starts_with(kBlank)) {
      continue;
    }
    drops_blanks_ = drops_blanks_ || !processor_->DecodeIds({id}).starts_with(' ');
    if (piece == kBlank) {
      drops_all_blanks_ = drops_blanks_ && processor_->DecodeIds({id, id}).empty();
      return;
    }
  }
}

void SentencePiece::encode(std::string_view text, bool starts, std::vector<TokenId>& ids) const {
  if (text.size() > kMaxText) {
    throw_<DataError>("A text for sentencepiece must have at most {} bytes, but has {}.", kMaxText,
                      text.size());
  }
  std::vector<int> found;
  const auto status = (starts ? processor_ : inside_)->Encode(text, &found);
  if (!status.ok()) {
    throw_<DataError>("Sentencepiece must encode a text of {} bytes, but says: {}.", text.size(),
                      status.ToString());
  }
  ids.insert(ids.end(), found.begin(), found.end());
}

void SentencePiece::describe(Vocabulary& vocabulary) const {
  for (TokenId id = 0; id < processor_->GetPieceSize(); ++id) {
    vocabulary.tokens.push_back(processor_->IdToPiece(id));
    vocabulary.types.push_back(type_of(*processor_, id));
  }
  vocabulary.bos = processor_->bos_id();
  vocabulary.eos = processor_->eos_id();
  vocabulary.pad = processor_->pad_id();
}

std::string SentencePiece::text_of(TokenId id) const {
  const TokenType type = type_of(*processor_, id);
  if (type == TokenType::kUnknown || type == TokenType::kControl) {
    return processor_->DecodeIds({id});
  }
  std::string text = processor_->IdToPiece(id);
  if (type == TokenType::kByte) {
    return {static_cast<char>(std::stoi(text.substr(3, 2), nullptr, 16))};  // <0x0A>
  }
  for (std::size_t at = text.find(kBlank); at != std::string::npos; at = text.find(kBlank, at)) {
    text.replace(at, kBlank.size(), " ");
  }
  return text;
}

bool SentencePiece::drops_blank(TokenId id) const {
  return drops_blanks_ && type_of(*processor_, id) == TokenType::kNormal &&
         processor_->IdToPiece(id).starts_with(kBlank);
}

}  // namespace routedk::text
