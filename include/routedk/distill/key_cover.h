/// Takes an API key out of whatever an endpoint says, so that it is neither stored nor shown.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace routedk::distill {

class KeyCover {
 public:
  /// An empty key covers nothing.
  explicit KeyCover(std::string_view key);

  /// The text with *** for every 12 letters and digits in a row of the key, its base64 or its hexadecimal
  /// form, whatever their case, also where other characters stand between them: blanks, quotes, dashes,
  /// newlines. A key of fewer than 12 is covered whole, one of fewer than 8 as it is written.
  std::string cover(std::string_view text) const;

 private:
  std::string exact_;                     ///< a short key
  std::size_t run_ = 0;                   ///< letters and digits of one of
  std::unordered_set<std::string> runs_;  ///< all forms, lower case
};

}  // namespace routedk::distill
