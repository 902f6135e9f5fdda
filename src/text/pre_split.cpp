#include "routedk/text/pre_split.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include "routedk/core/error.h"

#include <limits>
#include <string>

#include "split_patterns.h"
#include <pcre2.h>

namespace routedk::text {
namespace {

struct Expressions {
  std::vector<std::string> patterns;
  bool whole_pieces = false;
};

Expressions expressions_of(std::string_view name) {
  if (name == "smollm") {
    return {{R"(\p{N})", gpt2_pattern()}};
  }
  if (name == "llama-bpe") {
    return {{llama3_pattern()}, true};
  }
  if (name == "gpt-2") {
    return {{gpt2_pattern()}};
  }
  if (name == "default") {
    return {{R"([\p{P}$+<=>^~|]+)", gpt2_pattern(), R"(\p{N}+)", "[0-9][0-9][0-9]"}};
  }
  return {};
}

struct FreeMatch {
  void operator()(pcre2_match_data* match) const noexcept { pcre2_match_data_free(match); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const noexcept { pcre2_match_context_free(context); }
};

}  // namespace

class PreSplit::Pattern {
 public:
  Pattern(const std::string& expression, const std::string& source) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                          PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
    if (code_ == nullptr) {
      throw_<FileError>("A split's expression must be valid for PCRE2, but `{}` is not at offset {} ({}).",
                        expression, offset, source);
    }
    // If the library has no JIT for this processor, it interprets, with the same result.
    compiled_ = pcre2_jit_compile(code_, PCRE2_JIT_COMPLETE) == 0;
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern() { pcre2_code_free(code_); }

  /// Appends the matches in `text` and the text between them.
  void split(std::string_view text, std::vector<std::string_view>& pieces) const {
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
    // A long run of spaces backtracks once per space; the default limit would be reached at ten million.
    const std::unique_ptr<pcre2_match_context, FreeContext> context(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(context.get(), std::numeric_limits<std::uint32_t>::max());
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());
    std::size_t begin = 0;
    while (begin < text.size()) {
      const int found = find(text, begin, match.get(), context.get());
      if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
        throw_<SystemError>("PCRE2 must split a text of {} bytes, but stops with error {}.", text.size(),
                            found);
      }
      const std::size_t from = found < 0 ? text.size() : range[0];
      const std::size_t to = found < 0 ? text.size() : range[1];
      if (from > begin) {
        pieces.push_back(text.substr(begin, from - begin));
      }
      if (to > from) {
        pieces.push_back(text.substr(from, to - from));
      }
      begin = to;
    }
  }

 private:
  int find(std::string_view text, std::size_t begin, pcre2_match_data* match,
           pcre2_match_context* context) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    if (compiled_) {
      const int found = pcre2_jit_match(code_, subject, text.size(), begin, PCRE2_NOTEMPTY, match, context);
      if (found != PCRE2_ERROR_JIT_STACKLIMIT) {
        return found;
      }
    }
    return pcre2_match(code_, subject, text.size(), begin, PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY | PCRE2_NO_JIT,
                       match, context);
  }

  pcre2_code* code_ = nullptr;
  bool compiled_ = false;
};

std::shared_ptr<const PreSplit> PreSplit::find(std::string_view name) {
  const Expressions expressions = expressions_of(name);
  return expressions.patterns.empty()
             ? nullptr
             : compile(expressions.patterns, expressions.whole_pieces, std::string(name));
}

std::shared_ptr<const PreSplit> PreSplit::compile(const std::vector<std::string>& patterns, bool whole_pieces,
                                                  const std::string& source) {
  std::shared_ptr<PreSplit> split(new PreSplit);
  for (const std::string& pattern : patterns) {
    split->patterns_.push_back(std::make_shared<const Pattern>(pattern, source));
  }
  split->whole_pieces_ = whole_pieces;
  return split;
}

std::string_view PreSplit::names() noexcept {
  return "smollm, llama-bpe, gpt-2, default";
}

std::vector<std::string_view> PreSplit::split(std::string_view text) const {
  std::vector<std::string_view> pieces = {text};
  std::vector<std::string_view> finer;
  for (const auto& pattern : patterns_) {
    finer.clear();
    for (const std::string_view piece : pieces) {
      pattern->split(piece, finer);
    }
    pieces.swap(finer);
  }
  return pieces;
}

}  // namespace routedk::text
