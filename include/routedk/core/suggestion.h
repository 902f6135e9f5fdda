/// Suggestions for misspelt words.
#pragma once

#include <string>
#include <vector>

namespace routedk {

/// The known word that differs from `word` by the fewest letters; "" if none is near.
std::string nearest_word(const std::string& word, const std::vector<std::string>& known);

/// For the end of a message: "; did you mean `rank`?", or "." if no known word is near.
std::string suggestion(const std::string& word, const std::vector<std::string>& known);

}  // namespace routedk
