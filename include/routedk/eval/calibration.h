/// Whether a share of the votes can be read as a probability of being correct.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace routedk::eval {

/// A share, and whether its answer equals gold.
struct Confidence {
  double share = 0.0;  ///< from 0 to 1
  bool hit = false;
};

/// The answers whose shares are in one tenth: (0, 0.1], (0.1, 0.2], ...; 0 is in the first.
struct CalibrationBin {
  double share = 0.0;  ///< mean
  double hit = 0.0;    ///< share of hits
  std::int64_t answers = 0;
};

struct Calibration {
  /// Expected calibration error: the mean over answers of |share - hit| of their bin (Guo et al. 2017, arXiv
  /// 1706.04599, eq. 3); 0 if there are no answers.
  double ece = 0.0;
  std::vector<CalibrationBin> bins;  ///< the non-empty ones, by ascending share
};

Calibration calibration(std::span<const Confidence> answers);

}  // namespace routedk::eval
