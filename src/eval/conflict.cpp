#include "routedk/eval/conflict.h"

#include <cmath>
#include <optional>
#include <string>

namespace routedk::eval {
namespace {

using experts::LoraFactors;
using model::Linear;

/// Sums of products, over all linears and by linear; nothing for one that is not adapted.
struct Sums {
  double all = 0.0;
  std::array<std::optional<double>, model::kLinears> by_linear{};

  void add(Linear linear, double product) {
    std::optional<double>& own = by_linear[static_cast<std::size_t>(linear)];
    own = own.value_or(0.0) + product;
    all += product;
  }
};

double cosine(double ab, double aa, double bb) {
  return aa > 0.0 && bb > 0.0 ? ab / std::sqrt(aa * bb) : 0.0;
}

Cosines cosines_of(const Sums& ab, const Sums& aa, const Sums& bb) {
  Cosines cosines;
  for (std::size_t i = 0; i < cosines.by_linear.size(); ++i) {
    if (aa.by_linear[i] || bb.by_linear[i]) {
      cosines.by_linear[i] =
          cosine(ab.by_linear[i].value_or(0.0), aa.by_linear[i].value_or(0.0), bb.by_linear[i].value_or(0.0));
    }
  }
  cosines.all = cosine(ab.all, aa.all, bb.all);
  return cosines;
}

Sums delta_products(const experts::Expert& a, const experts::Expert& b) {
  Sums sums;
  a.for_each([&](std::int64_t layer, Linear linear, const LoraFactors& factors) {
    const LoraFactors& other = b.factors(layer, linear);
    if (other.a.defined()) {
      sums.add(linear, experts::delta_product(factors, other));
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
  Sums ab;
  Sums aa;
  Sums bb;
  const auto product = [](const at::Tensor& x, const at::Tensor& y) {
    return at::dot(x.to(at::kDouble), y.to(at::kDouble)).item<double>();
  };
  for (int i = 0; i < model::kLinears; ++i) {
    const at::Tensor& x = a[static_cast<std::size_t>(i)];
    const at::Tensor& y = b[static_cast<std::size_t>(i)];
    if (x.defined() && y.defined()) {
      ab.add(static_cast<Linear>(i), product(x, y));
      aa.add(static_cast<Linear>(i), product(x, x));
      bb.add(static_cast<Linear>(i), product(y, y));
    }
  }
  return cosines_of(ab, aa, bb);
}

Cosines delta_cosines(const experts::Expert& a, const experts::Expert& b) {
  return cosines_of(delta_products(a, b), delta_products(a, a), delta_products(b, b));
}

io::Json to_json(const Cosines& cosines) {
  io::Json json = {{"all", cosines.all}};
  for (const Linear linear : model::all_linears()) {
    if (const auto& cosine = cosines.by_linear[static_cast<std::size_t>(linear)]) {
      json[std::string(name_of(linear))] = *cosine;
    }
  }
  return json;
}

}  // namespace routedk::eval
