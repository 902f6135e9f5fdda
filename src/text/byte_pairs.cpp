#include "routedk/text/byte_pairs.h"

#include "routedk/core/error.h"
#include "routedk/text/byte_alphabet.h"

#include <queue>
#include <tuple>

namespace routedk::text {
namespace {

constexpr std::int32_t kNone = -1;

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32U) | static_cast<std::uint32_t>(right);
}

}  // namespace

BytePairs::BytePairs(std::span<const std::string> tokens, std::span<const std::string> merges,
                     const std::string& source) {
  tokens_.reserve(tokens.size());
  for (const std::string& spelling : tokens) {
    const auto id = static_cast<std::int32_t>(tokens_.size());
    if (!tokens_.emplace(spelling, id).second) {
      throw_<FileError>("Tokens must differ, but `{}` comes a second time as token {} ({}).", spelling, id,
                        source);
    }
  }
  for (std::size_t byte = 0; byte < byte_tokens_.size(); ++byte) {
    byte_tokens_.at(byte) = token(byte_spellings().at(byte));
  }
  merges_.reserve(merges.size());
  for (const std::string& merge : merges) {
    add_merge(merge, source);
  }
}

void BytePairs::add_merge(std::string_view merge, const std::string& source) {
  const std::size_t space = merge.find(' ');
  if (space == std::string_view::npos) {
    throw_<FileError>("A merge must be two tokens with a space between, but is `{}` ({}).", merge, source);
  }
  const std::string left(merge.substr(0, space));
  const std::string right(merge.substr(space + 1));
  const Merge made{static_cast<std::int32_t>(merges_.size()), token(left + right)};
  if (token(left) == kNone || token(right) == kNone || made.result == kNone) {
    throw_<FileError>("A merge's parts and result must be tokens, but those of `{}` are not ({}).", merge,
                      source);
  }
  merges_.emplace(pair_key(token(left), token(right)), made);
}

std::int32_t BytePairs::token(const std::string& spelling) const {
  const auto found = tokens_.find(spelling);
  return found == tokens_.end() ? kNone : found->second;
}

std::int32_t BytePairs::token_of_bytes(std::string_view bytes) const {
  std::string spelling;
  for (const char byte : bytes) {
    spelling += byte_spellings().at(static_cast<unsigned char>(byte));
  }
  return token(spelling);
}

const BytePairs::Merge* BytePairs::find(std::int32_t left, std::int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

/// The merging of one piece: a linked list of symbols and a heap of the pairs that can be merged.
class BytePairs::Run {
 public:
  Run(const BytePairs& pairs, std::string_view piece) : pairs_(pairs) {
    const auto count = static_cast<std::int32_t>(piece.size());
    symbols_.reserve(piece.size());
    for (std::int32_t i = 0; i < count; ++i) {
      const auto byte = static_cast<unsigned char>(piece[static_cast<std::size_t>(i)]);
      symbols_.push_back({pairs_.byte_tokens_.at(byte), i - 1, i + 1 < count ? i + 1 : kNone});
    }
    for (std::int32_t i = 0; i + 1 < count; ++i) {
      push(i, i + 1);
    }
  }

  void merge() {
    while (!heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      if (at(best.left).token == best.left_token && at(best.left).next == best.right &&
          at(best.right).token == best.right_token) {
        join(best);
      }
    }
  }

  void append_to(std::vector<std::int32_t>& ids) const {
    for (const Symbol& symbol : symbols_) {
      if (symbol.token != kNone) {
        ids.push_back(symbol.token);
      }
    }
  }

 private:
  struct Symbol {
    std::int32_t token;
    std::int32_t previous;
    std::int32_t next;
  };
  struct Candidate {
    std::int32_t rank, left, right, left_token, right_token, result;
    bool operator<(const Candidate& other) const {  // the heap's top is its greatest element
      return std::tie(rank, left) > std::tie(other.rank, other.left);
    }
  };

  Symbol& at(std::int32_t i) { return symbols_[static_cast<std::size_t>(i)]; }

  void push(std::int32_t left, std::int32_t right) {
    if (left == kNone || right == kNone) {
      return;
    }
    if (const Merge* merge = pairs_.find(at(left).token, at(right).token)) {
      heap_.push({merge->rank, left, right, at(left).token, at(right).token, merge->result});
    }
  }

  void join(const Candidate& pair) {
    Symbol& left = at(pair.left);
    Symbol& right = at(pair.right);
    left.token = pair.result;
    left.next = right.next;
    right.token = kNone;
    if (left.next != kNone) {
      at(left.next).previous = pair.left;
    }
    push(left.previous, pair.left);
    push(pair.left, left.next);
  }

  const BytePairs& pairs_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> heap_;
};

void BytePairs::encode(std::string_view piece, std::vector<std::int32_t>& ids) const {
  if (piece.size() == 1) {
    const std::int32_t only = byte_tokens_.at(static_cast<unsigned char>(piece[0]));
    if (only != kNone) {
      ids.push_back(only);
    }
    return;
  }
  Run run(*this, piece);
  run.merge();
  run.append_to(ids);
}

}  // namespace routedk::text
