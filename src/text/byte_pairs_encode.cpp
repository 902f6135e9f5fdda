#include "routedk/text/byte_pairs.h"

#include <cstring>
#include <limits>
#include <queue>
#include <tuple>

namespace routedk::text {
namespace {

constexpr std::size_t kShort = 48;  // bytes; up to this length scanning is faster than a heap
constexpr std::int32_t kNever = std::numeric_limits<std::int32_t>::max();

}  // namespace

/// The merging of one piece: a linked list of symbols and a heap of mergeable pairs.
class BytePairs::Run {
 public:
  Run(const BytePairs& pairs, std::string_view piece) : pairs_(pairs) {
    symbols_.reserve(piece.size());
    for (const char byte : piece) {
      const TokenId token = pairs_.byte_tokens_.at(static_cast<unsigned char>(byte));
      if (token != kNoToken || !pairs_.gaps_merge_) {
        const auto i = static_cast<std::int32_t>(symbols_.size());
        symbols_.push_back({token, i - 1, i + 1});
      }
    }
    if (!symbols_.empty()) {
      symbols_.back().next = kNone;
    }
    for (std::int32_t i = 0; i + 1 < static_cast<std::int32_t>(symbols_.size()); ++i) {
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

  void append_to(std::vector<TokenId>& ids) const {
    for (const Symbol& symbol : symbols_) {
      if (symbol.token != kNoToken) {
        ids.push_back(symbol.token);
      }
    }
  }

 private:
  static constexpr std::int32_t kNone = -1;
  struct Symbol {
    TokenId token;
    std::int32_t previous;
    std::int32_t next;
  };
  struct Candidate {
    std::int32_t rank, left, right, left_token, right_token, result;
    bool operator<(const Candidate& other) const {  // the top of the heap is its greatest element
      return std::tie(rank, left) > std::tie(other.rank, other.left);
    }
  };

  Symbol& at(std::int32_t i) { return symbols_[static_cast<std::size_t>(i)]; }

  void push(std::int32_t left, std::int32_t right) {
    if (left == kNone || right == kNone) {
      return;
    }
    if (const PairTable::Merge* merge = pairs_.merges_.find(at(left).token, at(right).token)) {
      heap_.push({merge->rank, left, right, at(left).token, at(right).token, merge->result});
    }
  }

  void join(const Candidate& pair) {
    Symbol& left = at(pair.left);
    Symbol& right = at(pair.right);
    left.token = pair.result;
    left.next = right.next;
    right.token = kNoToken;
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

void BytePairs::encode_short(std::string_view piece, std::vector<TokenId>& ids) const {
  struct Symbol {
    TokenId token;
    std::int32_t rank;  // of merging it with the next; kNever if they do not merge
    TokenId result;
  };
  std::array<Symbol, kShort> symbols;
  std::size_t count = 0;
  for (const char byte : piece) {
    const TokenId token = byte_tokens_[static_cast<unsigned char>(byte)];
    if (token != kNoToken || !gaps_merge_) {
      symbols[count++] = {token, kNever, kNoToken};
    }
  }
  const auto look = [&](std::size_t i) {
    const PairTable::Merge* merge =
        i + 1 < count ? merges_.find(symbols[i].token, symbols[i + 1].token) : nullptr;
    symbols[i].rank = merge == nullptr ? kNever : merge->rank;
    symbols[i].result = merge == nullptr ? kNoToken : merge->result;
  };
  for (std::size_t i = 0; i < count; ++i) {
    look(i);
  }
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      best = symbols[i].rank < symbols[best].rank ? i : best;
    }
    if (symbols[best].rank == kNever) {
      break;
    }
    symbols[best].token = symbols[best].result;
    std::memmove(symbols.data() + best + 1, symbols.data() + best + 2, (count - best - 2) * sizeof(Symbol));
    --count;
    look(best);
    if (best > 0) {
      look(best - 1);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (symbols[i].token != kNoToken) {
      ids.push_back(symbols[i].token);
    }
  }
}

void BytePairs::encode(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() <= kShort) {
    encode_short(piece, ids);
    return;
  }
  Run run(*this, piece);
  run.merge();
  run.append_to(ids);
}

}  // namespace routedk::text
