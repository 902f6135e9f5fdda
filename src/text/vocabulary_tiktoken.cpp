#include "routedk/core/error.h"
#include "routedk/text/byte_alphabet.h"
#include "routedk/text/vocabulary.h"

#include <charconv>
#include <unordered_set>

#include "base64.h"
#include "split_patterns.h"
#include "tokenizer_files.h"

namespace routedk::text {
namespace {

constexpr std::size_t kSpecials = 256;

/// Llama 3.1's names (its tokenizer_config.json): seven of the first ten have a meaning, the others are
/// numbered consecutively.
std::vector<std::string> special_names() {
  std::vector<std::string> names = {"<|begin_of_text|>", "<|end_of_text|>"};
  const std::vector<std::string> named = {"<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
                                          "<|eot_id|>", "<|python_tag|>"};
  int reserved = 0;
  const auto reserve = [&] { names.push_back(fmt::format("<|reserved_special_token_{}|>", reserved++)); };
  reserve();
  reserve();
  names.emplace_back("<|finetune_right_pad_id|>");
  reserve();
  names.insert(names.end(), named.begin(), named.end());
  while (names.size() < kSpecials) {
    reserve();
  }
  return names;
}

std::string spell(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) {
    spelling += byte_spellings().at(static_cast<unsigned char>(byte));
  }
  return spelling;
}

struct Line {
  std::string_view text;
  std::string place;  ///< file:number
};

std::string token_of(const Line& line, std::string_view encoded) {
  const auto bytes = decode_base64(encoded);
  if (!bytes || bytes->empty()) {
    throw_<FileError>("A token must be in base64, but is `{}` ({}).", shown(encoded), line.place);
  }
  return *bytes;
}

std::size_t rank_of(const Line& line, std::string_view digits, std::size_t ranks) {
  std::size_t rank = 0;
  const char* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, rank);
  if (digits.empty() || read.ec != std::errc() || read.ptr != end || rank >= ranks) {
    throw_<FileError>("A rank must be a number below {}, but is `{}` ({}).", ranks, shown(digits),
                      line.place);
  }
  return rank;
}

/// Adds one line of the file to `tokens`, whose indices are the ranks.
void add_line(const Line& line, std::vector<std::string>& tokens) {
  const std::size_t space = line.text.find(' ');
  if (space == std::string_view::npos) {
    throw_<FileError>("A line must be a token and its rank with a space between, but is `{}` ({}).",
                      shown(line.text), line.place);
  }
  const std::size_t rank = rank_of(line, line.text.substr(space + 1), tokens.size());
  if (!tokens[rank].empty()) {
    throw_<FileError>("Ranks must differ, but {} occurs a second time ({}).", rank, line.place);
  }
  tokens[rank] = spell(token_of(line, line.text.substr(0, space)));
}

std::vector<std::string> read_tokens(std::string_view text, const std::string& source, std::size_t ranks) {
  std::vector<std::string> tokens(ranks);
  std::size_t lines = 0;
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_suffix(line.ends_with('\r') ? 1 : 0);
    ++lines;
    if (!line.empty()) {
      ++count;
      add_line({line, fmt::format("{}:{}", source, lines)}, tokens);
    }
  }
  if (count != ranks) {
    throw_<FileError>("{} must have {} tokens to be Llama 3's, but has {}.", source, ranks, count);
  }
  return tokens;
}

void check_tokens(const std::vector<std::string>& tokens, const std::string& source) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t rank = 0; rank < tokens.size(); ++rank) {
    if (!seen.insert(tokens[rank]).second) {
      throw_<FileError>("Tokens must differ, but `{}` occurs a second time with rank {} ({}).", tokens[rank],
                        rank, source);
    }
  }
  for (std::size_t byte = 0; byte < byte_spellings().size(); ++byte) {
    if (!seen.contains(byte_spellings().at(byte))) {
      throw_<FileError>("{} must have a token for every byte, but has none for 0x{:02X}.", source, byte);
    }
  }
}

}  // namespace

Vocabulary Vocabulary::from_tiktoken(const std::filesystem::path& path, std::size_t ranks) {
  Vocabulary vocabulary;
  vocabulary.source = path.string();
  vocabulary.tokens = read_tokens(read_tokenizer_file(path), vocabulary.source, ranks);
  check_tokens(vocabulary.tokens, vocabulary.source);
  vocabulary.types.assign(ranks, TokenType::kNormal);
  vocabulary.types.resize(ranks + kSpecials, TokenType::kControl);
  for (std::string& name : special_names()) {
    vocabulary.tokens.push_back(std::move(name));
  }
  vocabulary.merge_by_id = true;
  vocabulary.whole_pieces = true;
  vocabulary.dialect = Dialect::kHuggingFace;
  vocabulary.patterns = {pcre_pattern(kLlama3Pattern).value()};
  vocabulary.bos = static_cast<TokenId>(ranks);
  vocabulary.eos = vocabulary.bos + 1;
  vocabulary.pad = vocabulary.bos + 4;
  return vocabulary;
}

}  // namespace routedk::text
