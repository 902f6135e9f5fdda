#include "routedk/bundle/answer_automaton.h"

#include "routedk/bundle/answer.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace routedk::bundle {
namespace {

using Tokens = std::vector<text::TokenId>;

/// What has been written so far, at a boundary between segments: only what determines the continuation.
struct Place {
  enum Kind { kStart, kNumber, kAfterNumber, kEnd };
  Kind kind = kStart;
  int bundle = 1;          ///< number of the bundle being written
  ProductBundle previous;  ///< the bundle before it, while it restricts what may follow
  ProductBundle current;   ///< its products so far

  friend bool operator<(const Place& a, const Place& b) {
    return std::tie(a.kind, a.bundle, a.previous, a.current) <
           std::tie(b.kind, b.bundle, b.previous, b.current);
  }
};

/// The answer's text, split where letters, digits and punctuation meet; each piece is encoded separately.
struct Segments {
  Tokens nothing;                                   ///< {}
  Tokens open;                                      ///< {"bundle1": ["product
  Tokens next_product;                              ///< ", "product
  std::array<Tokens, kMaxBundles + 1> next_bundle;  ///< [k]: "], "bundleK": ["product
  Tokens close;                                     ///< "]}
  std::array<Tokens, kMaxProducts + 1> number;      ///< [n]: n
};

void append(Tokens& tokens, const Tokens& more) {
  tokens.insert(tokens.end(), more.begin(), more.end());
}

Tokens encode_inside(const text::Tokenizer& tokenizer, std::initializer_list<std::string> pieces) {
  Tokens tokens;
  for (const std::string& piece : pieces) {
    append(tokens, tokenizer.encode(piece, text::Place::kInside));
  }
  return tokens;
}

/// Encodes a text at the beginning of an answer.
Tokens encode_first(const text::Tokenizer& tokenizer, const text::AnswerForm& form, const std::string& text) {
  return tokenizer.encode(form.before + text, form.place);
}

Segments make_segments(const text::Tokenizer& tokenizer, const text::AnswerForm& form) {
  Segments segments;
  segments.nothing = encode_first(tokenizer, form, "{}");
  segments.open = encode_first(tokenizer, form, "{\"");
  append(segments.open, encode_inside(tokenizer, {"bundle", "1", "\":", " [\"", "product"}));
  segments.next_product = encode_inside(tokenizer, {"\",", " \"", "product"});
  segments.close = encode_inside(tokenizer, {"\"]}"});
  for (int k = 2; k <= kMaxBundles; ++k) {
    segments.next_bundle.at(static_cast<std::size_t>(k)) =
        encode_inside(tokenizer, {"\"],", " \"", "bundle", std::to_string(k), "\":", " [\"", "product"});
  }
  for (int n = 1; n <= kMaxProducts; ++n) {
    segments.number.at(static_cast<std::size_t>(n)) = encode_inside(tokenizer, {std::to_string(n)});
  }
  return segments;
}

Tokens assembled(const Segments& segments, const ProductAnswer& answer) {
  Tokens tokens;
  for (std::size_t k = 1; k <= answer.size(); ++k) {
    append(tokens, k == 1 ? segments.open : segments.next_bundle.at(k));
    const ProductBundle& bundle = answer[k - 1];
    for (const int product : bundle) {
      append(tokens, product == bundle.front() ? Tokens{} : segments.next_product);
      append(tokens, segments.number.at(static_cast<std::size_t>(product)));
    }
  }
  append(tokens, segments.close);
  return tokens;
}

/// Checks that an answer that uses every segment encodes to the segments' tokens.
void check_segments(const text::Tokenizer& tokenizer, const text::AnswerForm& form,
                    const Segments& segments) {
  ProductAnswer answer{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
  for (int product = 2; product <= kMaxBundles; ++product) {
    answer.push_back({product, product + 1, kMaxProducts});
  }
  if (assembled(segments, answer) != encode_first(tokenizer, form, canonical_answer(answer))) {
    throw_<ConfigError>(
        "Constrained answers need a tokenizer that splits between letters, digits and punctuation, but this "
        "model's joins some of `{}` (decode with `constrain: false`).",
        canonical_answer(answer));
  }
}

/// The greatest bundle of n products that begins with `begun`; empty if there is none. Lists compare
/// lexicographically, a prefix before its extensions.
ProductBundle greatest_bundle(ProductBundle begun, int n) {
  if (begun.empty()) {
    return n >= 2 ? ProductBundle{n - 1, n} : ProductBundle{};
  }
  if (begun.back() < n) {
    begun.push_back(n);
  }
  return begun.size() >= 2 ? begun : ProductBundle{};
}

/// Whether `begun` can become a bundle that sorts after `previous`; an empty `previous` sorts before every
/// bundle.
bool can_exceed(const ProductBundle& begun, const ProductBundle& previous, int n) {
  return greatest_bundle(begun, n) > previous;
}

class AnswerAutomaton final : public text::TokenAutomaton {
 public:
  AnswerAutomaton(Segments segments, int n_products, text::TokenId end_of_turn)
      : segments_(std::move(segments)), n_(n_products) {
    append(segments_.close, {end_of_turn});
    append(segments_.nothing, {end_of_turn});
    start_ = intern({{{}, Place{}}});
  }

  State start() const override { return start_; }

  std::span<const Edge> edges(State state) override {
    Node& node = nodes_.at(static_cast<std::size_t>(state));
    if (!node.expanded) {
      expand(node);
    }
    return node.edges;
  }

 private:
  /// Tokens still to come, then the place they lead to.
  using Path = std::pair<Tokens, Place>;
  /// All interpretations of the consumed tokens: paths share a prefix where numbers or punctuation do.
  using Paths = std::vector<Path>;
  struct Node {
    Paths paths;
    std::vector<Edge> edges;
    bool expanded = false;
  };

  State intern(Paths paths) {
    std::sort(paths.begin(), paths.end());
    const auto [found, is_new] = states_.try_emplace(paths, static_cast<State>(nodes_.size()));
    if (is_new) {
      nodes_.push_back({std::move(paths), {}, false});
    }
    return found->second;
  }

  void expand(Node& node) {
    std::map<text::TokenId, Paths> by_token;
    for (const Path& path : node.paths) {
      for (auto& [tokens, place] : path.first.empty() ? continuations(path.second) : Paths{path}) {
        by_token[tokens.front()].emplace_back(Tokens(tokens.begin() + 1, tokens.end()), place);
      }
    }
    for (auto& [token, paths] : by_token) {
      node.edges.push_back({token, intern(std::move(paths))});
    }
    node.expanded = true;
  }

  Paths continuations(const Place& place) const {
    switch (place.kind) {
      case Place::kStart:
        return n_ < 2 ? Paths{{segments_.nothing, end()}}
                      : Paths{{segments_.open, {Place::kNumber, 1, {}, {}}}};
      case Place::kNumber:
        return numbers(place);
      case Place::kAfterNumber:
        return after_number(place);
      case Place::kEnd:
        return {};
    }
    return {};
  }

  Paths numbers(const Place& place) const {
    Paths paths;
    for (int next = place.current.empty() ? 1 : place.current.back() + 1; next <= n_; ++next) {
      Place after = place;
      after.kind = Place::kAfterNumber;
      after.current.push_back(next);
      if (can_exceed(after.current, place.previous, n_)) {
        if (after.current > after.previous) {
          after.previous.clear();  // every continuation exceeds it too: places that differ only in it merge
        }
        paths.emplace_back(segments_.number.at(static_cast<std::size_t>(next)), std::move(after));
      }
    }
    return paths;
  }

  Paths after_number(const Place& place) const {
    Paths paths;
    if (place.current.back() < n_) {
      Place more = place;
      more.kind = Place::kNumber;
      paths.emplace_back(segments_.next_product, std::move(more));
    }
    if (place.current.size() < 2 || place.current <= place.previous) {
      return paths;
    }
    paths.emplace_back(segments_.close, end());
    if (place.bundle < kMaxBundles && can_exceed({}, place.current, n_)) {
      paths.emplace_back(segments_.next_bundle.at(static_cast<std::size_t>(place.bundle) + 1),
                         Place{Place::kNumber, place.bundle + 1, place.current, {}});
    }
    return paths;
  }

  static Place end() { return {Place::kEnd, 0, {}, {}}; }

  Segments segments_;
  int n_;
  State start_ = 0;
  std::deque<Node> nodes_;  ///< a deque, so that node addresses are stable
  std::map<Paths, State> states_;
};

}  // namespace

std::unique_ptr<text::TokenAutomaton> make_answer_automaton(const text::Tokenizer& tokenizer, int n_products,
                                                            const text::AnswerForm& form) {
  if (n_products < 0 || n_products > kMaxProducts) {
    throw_<ConfigError>("An answer's number of products must be in 0..{}, but is {} instead.", kMaxProducts,
                        n_products);
  }
  Segments segments = make_segments(tokenizer, form);
  check_segments(tokenizer, form, segments);
  return std::make_unique<AnswerAutomaton>(std::move(segments), n_products, form.end);
}

}  // namespace routedk::bundle
