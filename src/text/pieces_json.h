/// Sentencepiece's pieces inside Hugging Face's tokenizer.json.
#pragma once

#include "routedk/text/vocabulary.h"

#include "strict_json.h"

namespace routedk::text {

/// Makes the vocabulary's sentencepiece model from `model` with byte_fallback and the vocabulary's tokens and
/// merges, which are used up. The highest score goes to what is merged first. FileError names the field that
/// would give other ids: another normalizer, pre-tokenizer or decoder than those of Llama 2, tokens without
/// all bytes, merges that are not those of a list of pieces with scores.
void read_pieces(const JsonField& root, Vocabulary& vocabulary);

}  // namespace routedk::text
