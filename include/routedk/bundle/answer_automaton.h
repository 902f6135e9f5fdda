/// Which tokens may follow while an answer is written.
#pragma once

#include "routedk/text/chat_template.h"
#include "routedk/text/token_automaton.h"
#include "routedk/text/tokenizer.h"

#include <memory>

namespace routedk::bundle {

/// Accepts exactly the ids of `canonical_answer(a)` as an answer of this form, for every canonical answer `a`
/// about `n_products` products: one to kMaxBundles bundles, `{}` below two products. Every edge
/// can be completed; there are no dead ends. `n_products` must be in 0..kMaxProducts. ConfigError otherwise,
/// and where the tokenizer joins bytes across letters, digits and punctuation, which the automaton is built
/// from (byte-level BPE with the usual split patterns and sentencepiece never do).
std::unique_ptr<text::TokenAutomaton> make_answer_automaton(const text::Tokenizer& tokenizer, int n_products,
                                                            const text::AnswerForm& form);

}  // namespace routedk::bundle
