/// A deterministic automaton over token ids: which ids may follow, and where each leads.
#pragma once

#include "routedk/text/tokenizer.h"

#include <cstdint>
#include <span>

namespace routedk::text {

class TokenAutomaton {
 public:
  using State = std::int32_t;
  struct Edge {
    TokenId token;
    State next;
  };

  virtual ~TokenAutomaton() = default;
  virtual State start() const = 0;
  /// The edges from a state, ascending by token; empty at the end of an accepted sequence. The view is valid
  /// as long as the automaton lives. States may be created on demand, so an automaton belongs to one thread.
  virtual std::span<const Edge> edges(State state) = 0;
};

}  // namespace routedk::text
