#include "routedk/eval/conflict.h"

#include <cmath>
#include <string>

namespace routedk::eval {
namespace {

using experts::LoraFactors;
using model::Linear;

/// Sums of products by linear; the last is over all linears.
using Sums = std::array<double, model::kLinears + 1>;

void add(Sums& sums, Linear linear, double product) {
  sums[static_cast<std::size_t>(linear)] += product;
  sums.back() += product;
}

Cosines cosines_of(const Sums& ab, const Sums& aa, const Sums& bb) {
  const auto cosine = [&](std::size_t i) {
    return aa[i] > 0.0 && bb[i] > 0.0 ? ab[i] / std::sqrt(aa[i] * bb[i]) : 0.0;
  };
  Cosines cosines;
  for (std::size_t i = 0; i < cosines.by_linear.size(); ++i) {
    cosines.by_linear[i] = cosine(i);
  }
  cosines.all = cosine(model::kLinears);
  return cosines;
}

Sums delta_products(const experts::Expert& a, const experts::Expert& b) {
  Sums sums{};
  a.for_each([&](std::int64_t layer, Linear linear, const LoraFactors& factors) {
    const LoraFactors& other = b.factors(layer, linear);
    if (other.a.defined()) {
      add(sums, linear, experts::delta_product(factors, other));
    }
  });
  return sums;
}

}  // namespace

LinearVectors gradient_vectors(const experts::Expert& expert) {
  std::array<std::vector<at::Tensor>, model::kLinears> parts;
  expert.for_each([&](std::int64_t, Linear linear, const LoraFactors& factors) {
    auto& own = parts[static_cast<std::size_t>(linear)];
    own.push_back(factors.a.grad().flatten());
    own.push_back(factors.bt.grad().flatten());
  });
  LinearVectors vectors;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].empty()) {
      vectors[i] = at::cat(parts[i]);
    }
  }
  return vectors;
}

Cosines cosines_of(const LinearVectors& a, const LinearVectors& b) {
  Sums ab{};
  Sums aa{};
  Sums bb{};
  const auto product = [](const at::Tensor& x, const at::Tensor& y) {
    return at::dot(x.to(at::kDouble), y.to(at::kDouble)).item<double>();
  };
  for (int i = 0; i < model::kLinears; ++i) {
    const at::Tensor& x = a[static_cast<std::size_t>(i)];
    const at::Tensor& y = b[static_cast<std::size_t>(i)];
    if (x.defined() && y.defined()) {
      add(ab, static_cast<Linear>(i), product(x, y));
      add(aa, static_cast<Linear>(i), product(x, x));
      add(bb, static_cast<Linear>(i), product(y, y));
    }
  }
  return cosines_of(ab, aa, bb);
}

Cosines delta_cosines(const experts::Expert& a, const experts::Expert& b) {
  return cosines_of(delta_products(a, b), delta_products(a, a), delta_products(b, b));
}

io::Json to_json(const Cosines& cosines) {
  io::Json json = {{"all", cosines.all}};
  for (int i = 0; i < model::kLinears; ++i) {
    json[std::string(name_of(static_cast<Linear>(i)))] = cosines.by_linear[static_cast<std::size_t>(i)];
  }
  return json;
}

}  // namespace routedk::eval
