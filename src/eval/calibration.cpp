#include "routedk/eval/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace routedk::eval {

Calibration calibration(std::span<const Confidence> answers) {
  constexpr int kBins = 10;
  std::array<CalibrationBin, kBins> bins;
  for (const Confidence& answer : answers) {
    const int bin = std::clamp(static_cast<int>(std::ceil(answer.share * kBins)) - 1, 0, kBins - 1);
    bins[bin].share += answer.share;
    bins[bin].hit += answer.hit ? 1.0 : 0.0;
    ++bins[bin].answers;
  }
  Calibration result;
  for (CalibrationBin& bin : bins) {
    if (bin.answers == 0) {
      continue;
    }
    result.ece += std::abs(bin.share - bin.hit) / static_cast<double>(answers.size());
    bin.share /= static_cast<double>(bin.answers);
    bin.hit /= static_cast<double>(bin.answers);
    result.bins.push_back(bin);
  }
  return result;
}

}  // namespace routedk::eval
