#include "routedk/parallel/world.h"

#include <cstdint>
#include <vector>

#include "backend.h"
#include <ATen/ATen.h>

namespace routedk::parallel {

World::World(const Launch& launch, const Patience& patience)
    : backend_(join(launch, patience)), rank_(launch.rank), size_(launch.size) {}

void World::sum(at::Tensor& values) const {
  if (size_ == 1) {
    return;
  }
  if (values.is_cuda() && backend_->sums_on_gpu()) {
    return backend_->reduce(values, Reduction::kSum);
  }
  at::Tensor host = values.to(at::kCPU);
  backend_->reduce(host, Reduction::kSum);
  if (!host.is_same(values)) {
    values.copy_(host);
  }
}

double World::sum(double value) const {
  at::Tensor one = at::full({1}, value, at::kDouble);
  sum(one);
  return one.item<double>();
}

std::int64_t World::sum(std::int64_t value) const {
  at::Tensor one = at::full({1}, value, at::kLong);
  sum(one);
  return one.item<std::int64_t>();
}

std::int64_t World::greatest(std::int64_t value) const {
  at::Tensor one = at::full({1}, value, at::kLong);
  if (size_ > 1) {
    backend_->reduce(one, Reduction::kMax);
  }
  return one.item<std::int64_t>();
}

at::Tensor World::gather(const at::Tensor& rows, at::ScalarType type) const {
  if (size_ == 1) {
    return rows;
  }
  const std::int64_t own = rows.defined() ? rows.size(0) : 0;
  const std::int64_t columns = greatest(own > 0 ? rows.size(1) : 0);
  at::Tensor counts = at::zeros({size_}, at::kLong);
  counts[rank_] = own;
  sum(counts);
  at::Tensor all = at::zeros({counts.sum().item<std::int64_t>(), columns}, type);
  if (own > 0) {
    all.narrow(0, counts.narrow(0, 0, rank_).sum().item<std::int64_t>(), own).copy_(rows);
  }
  sum(all);
  return all;
}

std::string World::from_first(std::string text) const {
  if (size_ == 1) {
    return text;
  }
  at::Tensor length = at::full({1}, static_cast<std::int64_t>(text.size()), at::kLong);
  backend_->broadcast(length);
  text.resize(static_cast<std::size_t>(length.item<std::int64_t>()));
  at::Tensor bytes = at::tensor(std::vector<std::uint8_t>(text.begin(), text.end()), at::kByte);
  if (!text.empty()) {
    backend_->broadcast(bytes);
    const auto values = bytes.accessor<std::uint8_t, 1>();
    for (std::size_t i = 0; i < text.size(); ++i) {
      text[i] = static_cast<char>(values[static_cast<std::int64_t>(i)]);
    }
  }
  return text;
}

void World::wait_for_all() const {
  sum(std::int64_t{0});
}

}  // namespace routedk::parallel
