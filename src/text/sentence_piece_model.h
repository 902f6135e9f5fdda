/// Builds the bytes of a sentencepiece model from parts that another file contains.
#pragma once

#include "routedk/text/vocabulary.h"

#include <span>
#include <string>

namespace routedk::text {

/// A BPE model (sentencepiece_model.proto) from a vocabulary's tokens and types, with one score each, the
/// highest merged first. It does not change text, except for a space put before it if `add_blank`, and falls
/// back to bytes if there are byte tokens. Unused and user-defined tokens are treated as ordinary.
std::string sentencepiece_model(const Vocabulary& vocabulary, std::span<const double> scores, bool add_blank);

}  // namespace routedk::text
