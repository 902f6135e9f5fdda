#include "step_weights.h"

#include <algorithm>
#include <iterator>

#include "tensors.h"

namespace routedk::kernels::cuda {

namespace {

Tiles tiles_of(const std::vector<StepLinear>& linears, StepFormat format) {
  if (format == StepFormat::kNf4) {
    std::vector<const Nf4*> matrices;
    std::transform(linears.begin(), linears.end(), std::back_inserter(matrices),
                   [](const StepLinear& linear) { return &std::get<Nf4>(*linear.weight); });
    return nf4_tiles(matrices);
  }
  std::vector<at::Tensor> matrices;
  std::transform(linears.begin(), linears.end(), std::back_inserter(matrices),
                 [](const StepLinear& linear) { return dequantize(*linear.weight, at::kBFloat16); });
  return bf16_tiles(at::cat(matrices, 0), 64);
}

}  // namespace

PackedLinears::PackedLinears(const std::vector<StepLinear>& linears, StepFormat format)
    : weight(tiles_of(linears, format)) {
  std::int64_t rows = 0;
  for (const StepLinear& linear : linears) {
    first_rows.push_back(rows);
    rows += out_features(*linear.weight);
    if (linear.a.defined()) {
      ranks = std::max(ranks, (linear.a.size(0) + 15) / 16 * 16);
    }
  }
  if (ranks > 0) {
    pack_adapter(linears);
  }
}

void PackedLinears::pack_adapter(const std::vector<StepLinear>& linears) {
  std::vector<at::Tensor> as;
  std::vector<at::Tensor> bs;
  std::vector<std::uint8_t> experts;
  for (const StepLinear& linear : linears) {
    const at::TensorOptions options = weight.codes.options().dtype(at::kFloat);
    const std::int64_t own = linear.a.defined() ? linear.a.size(0) : 0;
    as.push_back(linear.a.defined() ? at::constant_pad_nd(linear.a.to(options), {0, 0, 0, ranks - own})
                                    : at::zeros({ranks, in_features(*linear.weight)}, options));
    bs.push_back(linear.a.defined() ? at::constant_pad_nd(linear.bt.to(options).t(), {0, ranks - own})
                                    : at::zeros({out_features(*linear.weight), ranks}, options));
    experts.insert(experts.end(), linear.expert.begin(), linear.expert.end());
    experts.resize(as.size() * static_cast<std::size_t>(ranks), 0);
  }
  a = bf16_tiles(at::constant_pad_nd(at::cat(as, 0), {0, weight.columns - as[0].size(1)}), 64);
  b = bf16_tiles(at::cat(bs, 0), 16);
  expert = at::tensor(std::vector<std::int64_t>(experts.begin(), experts.end()))
               .to(weight.codes.device(), at::kByte);
}

StackedAdapter PackedLinears::adapter() const {
  StackedAdapter adapter;
  if (ranks > 0) {
    adapter.a = a.codes.const_data_ptr();
    adapter.b = b.codes.const_data_ptr();
    adapter.expert = data<std::uint8_t>(expert);
    adapter.ranks = static_cast<int>(ranks);
    adapter.sections = static_cast<int>(first_rows.size());
    adapter.second = first_rows.size() > 1 ? static_cast<int>(first_rows[1] / 16) : adapter.second;
    adapter.third = first_rows.size() > 2 ? static_cast<int>(first_rows[2] / 16) : adapter.third;
  }
  return adapter;
}

void StepWeights::add_layer(const StepLayer& layer) {
  const auto& p = layer.projections;
  layers.push_back({layer.attention_norm.to(device, at::kFloat).contiguous(),
                    layer.mlp_norm.to(device, at::kFloat).contiguous(),
                    {PackedLinears(p[0], format), PackedLinears(p[1], format), PackedLinears(p[2], format),
                     PackedLinears(p[3], format)}});
}

const PackedLinears& StepWeights::widest(std::size_t projection) const {
  const auto narrower = [&](const PackedLayer& a, const PackedLayer& b) {
    return a.projections.at(projection).width() < b.projections.at(projection).width();
  };
  return std::max_element(layers.begin(), layers.end(), narrower)->projections.at(projection);
}

std::int64_t StepWeights::bytes(bool experts) const {
  std::int64_t total = head.bytes();
  for (const PackedLayer& layer : layers) {
    for (const PackedLinears& linears : layer.projections) {
      total += linears.weight.bytes();
      if (experts && linears.ranks > 0) {
        total += linears.a.bytes() + linears.b.bytes();
      }
    }
  }
  return total;
}

}  // namespace routedk::kernels::cuda
