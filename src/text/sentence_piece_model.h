/// The bytes of a sentencepiece model, from parts that another file holds.
#pragma once

#include "routedk/text/vocabulary.h"

#include <span>
#include <string>

namespace routedk::text {

/// A BPE model (sentencepiece_model.proto) of a vocabulary's tokens and types, one score each, highest merged
/// first. It changes no text, except for the blank put before it where `add_blank` says so, and falls back to
/// bytes where there are tokens of bytes. Unused and user-defined tokens are ordinary ones.
std::string sentencepiece_model(const Vocabulary& vocabulary, std::span<const double> scores, bool add_blank);

}  // namespace routedk::text
