/// Removes an API key from an endpoint's messages, so that it is neither stored nor shown.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace routedk::distill {

class KeyCover {
 public:
  /// An empty key matches nothing.
  explicit KeyCover(std::string_view key);

  /// The text with *** for every run of 12 letters and digits of the key or of its base64 or hexadecimal
  /// form, in any case, even with other characters in between: blanks, quotes, dashes, newlines. A key of
  /// fewer than 12 is matched as a whole, one of fewer than 8 only exactly.
  std::string cover(std::string_view text) const;

 private:
  std::string exact_;                     ///< a short key
  std::size_t run_ = 0;                   ///< letters and digits per run
  std::unordered_set<std::string> runs_;  ///< all forms, lower case
};

}  // namespace routedk::distill
