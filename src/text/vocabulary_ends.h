/// The tokens that end an answer.
#pragma once

#include "routedk/text/vocabulary.h"

#include <algorithm>

namespace routedk::text {

/// Adds a token to `ends` unless it is kNoToken or already there.
inline void add_end(TokenId id, Vocabulary& vocabulary) {
  if (id != kNoToken &&
      std::find(vocabulary.ends.begin(), vocabulary.ends.end(), id) == vocabulary.ends.end()) {
    vocabulary.ends.push_back(id);
  }
}

}  // namespace routedk::text
