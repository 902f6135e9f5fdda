/// Describes a product in a few words, for texts that refer to products without their numbers.
#pragma once

#include "routedk/bundle/session.h"

#include <string>
#include <string_view>
#include <vector>

namespace routedk::distill {

/// The end of the title's first clause, where English puts the noun: at most two words without digits,
/// fillers and outer punctuation, in lower case. "EN-EL15 Battery Charger for Nikon 1 V1" -> "battery
/// charger". If the clause has no such word, the title's first two words.
std::string describe_title(std::string_view title);

/// The category's leaf, or the title's description if the category is unknown.
std::string describe_kind(const bundle::Item& item);

/// The words of a text, runs of [a-z0-9] after lowering ASCII, in order.
std::vector<std::string> words_of(std::string_view text);

/// Whether a word can identify a product: at least three letters or digits, and no function word.
bool can_name(std::string_view word);

}  // namespace routedk::distill
