#include "routedk/bundle/dataset.h"
#include "routedk/experts/gate.h"
#include "routedk/model/batch.h"

#include <cmath>
#include <iostream>

// Prints what an installed routedk computes: the minimal one of two bundles, the average gate of three
// experts.
int main() {
  const auto minimal = routedk::bundle::minimal_bundles({{{1, 2, 3}, "all"}, {{1, 2}, "pair"}});
  const auto batch = routedk::model::FlatBatch::make({{5, 6, 7}}, {3});
  const auto rows = routedk::experts::FixedGate::average(3).rows(0, at::zeros({3, 4}), batch);
  const float alpha = rows.alpha[0][2].item<float>();
  std::cout << "bundles " << minimal.size() << ", alpha " << alpha << "\n";
  return minimal.size() == 1 && std::abs(alpha - 1.0F / 3.0F) < 1e-6F ? 0 : 1;
}
