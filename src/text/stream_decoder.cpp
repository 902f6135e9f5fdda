#include "routedk/text/stream_decoder.h"

#include "routedk/text/utf8.h"

#include <utility>

namespace routedk::text {

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool with_special)
    : tokenizer_(std::move(tokenizer)), with_special_(with_special) {}

std::string StreamDecoder::push(TokenId id) {
  tokenizer_.append(id, with_special_, at_start_, pending_);
  const std::size_t whole = pending_.size() - utf8_unfinished(pending_);
  std::string text = repair_utf8(std::string_view(pending_).substr(0, whole));
  pending_.erase(0, whole);
  return text;
}

std::string StreamDecoder::finish() {
  at_start_ = true;
  return repair_utf8(std::exchange(pending_, {}));
}

}  // namespace routedk::text
