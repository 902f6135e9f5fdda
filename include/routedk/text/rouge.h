/// The overlap of a text with a reference, for answers without a single correct form.
#pragma once

#include <string_view>

namespace routedk::text {

/// ROUGE-L F1 of the words of two texts (Lin 2004), from 0 to 1: with L the length of their longest common
/// subsequence, precision is L / candidate's words, recall L / reference's words. Words are the runs of a-z
/// and 0-9 after lower-casing A-Z; 0 if either text has none. Equals "rougeL" of PyPI's rouge-score 0.1.2
/// without stemming, except for the two non-ASCII characters that it lower-cases into a-z.
double rouge_l(std::string_view candidate, std::string_view reference);

}  // namespace routedk::text
