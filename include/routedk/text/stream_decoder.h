/// Token ids -> text, one token at a time.
#pragma once

#include "routedk/text/tokenizer.h"

#include <string>

namespace routedk::text {

/// Emits text as soon as its characters are complete. The concatenated results of `push` and `finish` are
/// repair_utf8(decode(ids)): each stray byte becomes U+FFFD.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool with_special = false);

  /// The characters that this token completes: well-formed UTF-8, possibly empty. DataError when the id is
  /// outside the vocabulary.
  std::string push(TokenId id);
  /// The remaining text, with each byte of an incomplete character as U+FFFD; then the decoder starts afresh.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  bool with_special_;
  bool at_start_ = true;
  std::string pending_;  ///< the incomplete character
};

}  // namespace routedk::text
