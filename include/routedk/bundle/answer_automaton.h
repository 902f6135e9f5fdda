/// The automaton of tokens that may follow while an answer is written.
#pragma once

#include "routedk/text/chat_template.h"
#include "routedk/text/token_automaton.h"
#include "routedk/text/tokenizer.h"

#include <memory>

namespace routedk::bundle {

/// Accepts exactly the ids of `canonical_answer(a)` as an answer of this form, for every canonical answer `a`
/// about `n_products` products: one to kMaxBundles bundles, or `{}` below two products. Every path can be
/// completed; there are no dead ends. ConfigError when `n_products` is not in 0..kMaxProducts, and when the
/// tokenizer merges bytes across the boundaries between letters, digits and punctuation, which the automaton
/// is built on (byte-level BPE with the usual split patterns and sentencepiece never do).
std::unique_ptr<text::TokenAutomaton> make_answer_automaton(const text::Tokenizer& tokenizer, int n_products,
                                                            const text::AnswerForm& form);

}  // namespace routedk::bundle
