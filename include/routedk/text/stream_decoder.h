/// Token ids -> text, one token at a time.
#pragma once

#include "routedk/text/tokenizer.h"

#include <string>

namespace routedk::text {

/// Gives text as soon as its characters are whole. All that `push` and `finish` return, one after another, is
/// repair_utf8(decode(ids)): each stray byte becomes U+FFFD.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, bool with_special = false);

  /// The characters that this token completes: well-formed UTF-8, perhaps empty. DataError when the id is
  /// outside the vocabulary.
  std::string push(TokenId id);
  /// What is left, the bytes of a half character as U+FFFD each; then the decoder stands at a new beginning.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  bool with_special_;
  bool at_start_ = true;
  std::string pending_;  ///< the beginning of a character
};

}  // namespace routedk::text
