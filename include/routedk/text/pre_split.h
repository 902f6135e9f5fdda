/// Splits a text into the pieces within which byte pairs are merged.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::text {

/// Regular expressions applied in sequence, each to every piece of the one before; a piece is a match, or the
/// text between two matches. Immutable, safe to share between threads.
class PreSplit {
 public:
  /// By the name in GGUF's `tokenizer.ggml.pre`: "smollm", "llama-bpe", "gpt-2" or "default" (with
  /// llama.cpp's meanings). Null for any other name.
  static std::shared_ptr<const PreSplit> find(std::string_view name);
  /// From expressions in PCRE2's syntax; FileError names an invalid one, and `source`.
  static std::shared_ptr<const PreSplit> compile(const std::vector<std::string>& patterns, bool whole_pieces,
                                                 const std::string& source);
  /// The names that `find` knows, for messages.
  static std::string_view names() noexcept;

  /// The pieces, in order; concatenated they are the text. `text` must be well-formed UTF-8.
  std::vector<std::string_view> split(std::string_view text) const;
  /// Whether a piece that is itself a token becomes that token without any merging.
  bool whole_pieces() const noexcept { return whole_pieces_; }

 private:
  class Pattern;
  PreSplit() = default;

  std::vector<std::shared_ptr<const Pattern>> patterns_;
  bool whole_pieces_ = false;
};

}  // namespace routedk::text
