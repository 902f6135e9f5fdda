/// Takes an API key out of whatever an endpoint says, so that it is neither stored nor shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace routedk::distill {

class KeyCover {
 public:
  /// An empty key covers nothing.
  explicit KeyCover(std::string_view key);

  /// The text with *** for the key, its base64 and hexadecimal forms, whatever their case, also where
  /// characters that are neither letters nor digits stand between theirs: blanks, quotes, dashes, newlines. A
  /// key of fewer than 8 letters and digits is covered as it is written.
  std::string cover(std::string_view text) const;

 private:
  std::string exact_;                 ///< a short key
  std::vector<std::string> letters_;  ///< of each form: its letters and digits, lower case
};

}  // namespace routedk::distill
