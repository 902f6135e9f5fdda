/// How much of a text another one says, for answers that have no one right form.
#pragma once

#include <string_view>

namespace routedk::text {

/// ROUGE-L's F1 of two texts' words (Lin 2004), from 0 to 1: with L the length of their longest common
/// subsequence, precision L / candidate's words, recall L / reference's words. Words are the runs of a-z and
/// 0-9 once A-Z is lowered; 0 where either text has none. As "rougeL" of PyPI's rouge-score 0.1.2 without
/// stemming, except for its two characters beyond ASCII that become letters of a-z when lowered.
double rouge_l(std::string_view candidate, std::string_view reference);

}  // namespace routedk::text
