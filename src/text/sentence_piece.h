/// A sentencepiece model, through libsentencepiece.
#pragma once

#include "routedk/text/vocabulary.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace routedk::text {

/// Immutable, safe to share between threads.
class SentencePiece {
 public:
  /// From a model's bytes; FileError with the library's reason, which names `source`.
  SentencePiece(std::string_view model, const std::string& source);
  SentencePiece(const SentencePiece&) = delete;
  SentencePiece& operator=(const SentencePiece&) = delete;
  ~SentencePiece();

  /// Appends the ids of well-formed UTF-8. `starts`: with the space that the model puts before a text.
  void encode(std::string_view text, bool starts, std::vector<TokenId>& ids) const;
  /// Sets pieces, their types and the special ids, as the library reports them.
  void describe(Vocabulary& vocabulary) const;
  /// The text of a piece within a text: spaces for U+2581, the byte of a byte piece, nothing for a control
  /// piece.
  std::string text_of(TokenId id) const;
  /// Whether a piece at the beginning of a text loses its leading space.
  bool drops_blank(TokenId id) const;
  /// Whether the piece after a dropped space that left no text also counts as at the beginning.
  bool drops_all_blanks() const noexcept { return drops_all_blanks_; }

 private:
  using Processor = std::unique_ptr<sentencepiece::SentencePieceProcessor>;

  void learn_blanks();

  Processor processor_;
  Processor inside_;  ///< the same without the space before a text
  bool drops_blanks_ = false;
  bool drops_all_blanks_ = false;
};

}  // namespace routedk::text
