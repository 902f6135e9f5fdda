#include "routedk/text/byte_pairs.h"

#include "routedk/core/error.h"
#include "routedk/text/byte_alphabet.h"

#include <string>
#include <unordered_map>

#include "spelled_tokens.h"

namespace routedk::text {
namespace {

constexpr std::size_t kMaxToken = 1024;  // bytes; merging by id tries every split of a token

using TokensBySpelling = std::unordered_map<std::string_view, TokenId>;

/// All tokens except special ones.
TokensBySpelling index_tokens(const Vocabulary& vocabulary) {
  TokensBySpelling all;
  all.reserve(vocabulary.tokens.size());
  for (const std::string& spelling : vocabulary.tokens) {
    const auto id = static_cast<TokenId>(all.size());
    if (!all.emplace(spelling, id).second) {
      throw_<FileError>("Tokens must differ, but `{}` occurs a second time as token {} ({}).", spelling, id,
                        vocabulary.source);
    }
  }
  std::erase_if(all, [&vocabulary](const auto& token) {
    return is_special(vocabulary.types[static_cast<std::size_t>(token.second)]);
  });
  return all;
}

TokenId find(const TokensBySpelling& tokens, std::string_view spelling) {
  const auto found = tokens.find(spelling);
  return found == tokens.end() ? kNoToken : found->second;
}

}  // namespace

BytePairs::BytePairs(const Vocabulary& vocabulary)
    : tokens_(vocabulary.tokens.size()),
      merges_(vocabulary.merges.size()),
      gaps_merge_(vocabulary.dialect == Dialect::kHuggingFace) {
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const auto bytes = bytes_if_spelled(vocabulary.tokens[id]);
    if (bytes && !is_special(vocabulary.types[id])) {
      tokens_.insert(*bytes, static_cast<TokenId>(id));
    }
  }
  for (std::size_t byte = 0; byte < byte_tokens_.size(); ++byte) {
    byte_tokens_.at(byte) = token_of_bytes(std::string(1, static_cast<char>(byte)));
  }
  add_merges(vocabulary);
  if (vocabulary.merge_by_id) {
    add_merges_by_id(vocabulary);
  }
}

void BytePairs::add_merges(const Vocabulary& vocabulary) {
  const TokensBySpelling tokens = index_tokens(vocabulary);
  std::int32_t rank = 0;
  std::string joined;
  for (const std::string& merge : vocabulary.merges) {
    const std::size_t space = merge.find(' ');
    if (space == std::string::npos) {
      throw_<FileError>("A merge must be two tokens with a space between, but merge {} is `{}` ({}).", rank,
                        merge, vocabulary.source);
    }
    joined.assign(merge).erase(space, 1);
    const TokenId left = find(tokens, std::string_view(merge).substr(0, space));
    const TokenId right = find(tokens, std::string_view(merge).substr(space + 1));
    const TokenId result = find(tokens, joined);
    if (left == kNoToken || right == kNoToken || result == kNoToken) {
      throw_<FileError>(
          "A merge's parts and result must be tokens, but those of merge {}, `{}`, are not ({}).", rank,
          merge, vocabulary.source);
    }
    if (!merges_.insert(left, right, {rank, result})) {
      throw_<FileError>("Merges must differ, but `{}` occurs a second time as merge {} ({}).", merge, rank,
                        vocabulary.source);
    }
    ++rank;
  }
}

void BytePairs::add_merges_by_id(const Vocabulary& vocabulary) {
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const auto spelled = bytes_if_spelled(vocabulary.tokens[id]);
    if (!spelled || is_special(vocabulary.types[id])) {
      continue;
    }
    const std::string_view bytes = *spelled;
    if (bytes.size() > kMaxToken) {
      throw_<FileError>("A token must have at most {} bytes, but token {} has {} ({}).", kMaxToken, id,
                        bytes.size(), vocabulary.source);
    }
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const TokenId left = token_of_bytes(bytes.substr(0, cut));
      const TokenId right = left == kNoToken ? kNoToken : token_of_bytes(bytes.substr(cut));
      if (right != kNoToken) {
        const auto rank = static_cast<std::int32_t>(id);
        merges_.insert(left, right, {rank, rank});
      }
    }
  }
}

}  // namespace routedk::text
