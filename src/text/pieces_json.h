/// Sentencepiece pieces within Hugging Face's tokenizer.json.
#pragma once

#include "routedk/text/vocabulary.h"

#include "tokenizer_json.h"

namespace routedk::text {

/// Builds the vocabulary's sentencepiece model from `model` with byte_fallback and from the vocabulary's
/// tokens and merges, which are consumed. What is merged first has the highest score. FileError names the
/// field that would give other ids: a normalizer, pre-tokenizer or decoder other than those of Llama 2,
/// tokens that lack some bytes, merges that do not match a list of pieces with scores.
void read_pieces(const JsonField& root, Vocabulary& vocabulary);

}  // namespace routedk::text
