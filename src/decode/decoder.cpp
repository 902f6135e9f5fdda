#include "routedk/decode/generate.h"
#include "routedk/quant/row_product.h"

#include <fmt/format.h>

namespace routedk::decode {

Decoder::Decoder(const experts::RoutedModel& model, Kernels kernels) : model_(model) {
  if (kernels == Kernels::kInt8 && Int8Model::fits(model)) {
    int8_ = std::make_unique<Int8Model>(model);
  }
}

std::string Decoder::path() const {
  return int8_ ? fmt::format("int8, {}", quant::cpu::int8_path())
               : std::string(at::toString(model_.backbone().dtype()));
}

experts::RoutedOutput Decoder::forward(const model::FlatBatch& batch, const experts::Gate& gate,
                                       std::span<const CacheRow> rows, KvCache& cache) const {
  if (int8_) {
    return int8_->forward(batch, gate, rows, cache);
  }
  const model::AttendFn attend = [&](std::int64_t layer, const at::Tensor& q, const at::Tensor& k,
                                     const at::Tensor& v) {
    const auto floats = [](const at::Tensor& x) { return x.to(at::kFloat).contiguous(); };
    const at::Tensor queries = floats(q);
    cache.write(layer, rows, floats(k).const_data_ptr<float>(), floats(v).const_data_ptr<float>());
    at::Tensor seen = at::empty_like(queries);  // [T,H,C]
    quant::cpu::Team::run([&](quant::cpu::Team::Member& member) {
      cache.attend(layer, rows, queries.const_data_ptr<float>(), seen.mutable_data_ptr<float>(), member);
    });
    return seen.to(q.scalar_type());
  };
  experts::RoutedPass pass{batch, gate, attend};
  pass.apart = true;
  return model_.forward(pass);
}

at::Tensor Decoder::logits(const at::Tensor& hidden) const {
  return int8_ ? int8_->logits(hidden) : quant::row_product(hidden, model_.backbone().head()).to(at::kFloat);
}

}  // namespace routedk::decode
