#include "routedk/bundle/utility.h"

namespace routedk::bundle {

double utility(Utility kind, const SessionScore& score) {
  const double f1 = score.numerator[Metric::kF1];
  const double jaccard_f1 = score.numerator[Metric::kJaccardF1];
  switch (kind) {
    case Utility::kF1:
      return f1;
    case Utility::kJaccardF1:
      return jaccard_f1;
    case Utility::kMean:
      break;
  }
  return (f1 + jaccard_f1) / 2.0;
}

}  // namespace routedk::bundle
