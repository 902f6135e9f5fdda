#include "routedk/kernels/cuda/decode_step.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <utility>

#include "decode_kernels.h"
#include "decode_tiles.h"
#include "step_graph.h"
#include "step_tables.h"
#include "tensors.h"

namespace routedk::kernels::cuda {
namespace {

constexpr std::int64_t kMostGroup = 8;
constexpr int kPartsOfDown = 16;

/// Linears with one input as one matrix, and their adapters as one.
struct PackedLinears {
  Tiles weight;
  Tiles a;
  Tiles b;
  at::Tensor expert;  // [sections * R] U8
  std::int64_t ranks = 0;
  std::vector<std::int64_t> first_rows;  // of the sections

  explicit PackedLinears(const std::vector<StepLinear>& linears);
  StackedAdapter adapter() const;

 private:
  void pack_adapter(const std::vector<StepLinear>& linears);
};

PackedLinears::PackedLinears(const std::vector<StepLinear>& linears) {
  std::vector<const Nf4*> matrices;
  std::int64_t rows = 0;
  for (const StepLinear& linear : linears) {
    matrices.push_back(&std::get<Nf4>(*linear.weight));
    first_rows.push_back(rows);
    rows += matrices.back()->out_features();
    if (linear.a.defined()) {
      ranks = std::max(ranks, (linear.a.size(0) + 15) / 16 * 16);
    }
  }
  weight = nf4_tiles(matrices);
  if (ranks > 0) {
    pack_adapter(linears);
  }
}

void PackedLinears::pack_adapter(const std::vector<StepLinear>& linears) {
  std::vector<at::Tensor> as;
  std::vector<at::Tensor> bs;
  std::vector<std::uint8_t> experts;
  for (const StepLinear& linear : linears) {
    const at::TensorOptions options = weight.scales.options().dtype(at::kFloat);
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
               .to(weight.scales.device(), at::kByte);
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

struct PackedLayer {
  at::Tensor attention_norm;  // [D] F32
  at::Tensor mlp_norm;        // [D] F32
  std::array<PackedLinears, 4> projections;
};

constexpr std::size_t kQkv = 0;
constexpr std::size_t kO = 1;
constexpr std::size_t kGateUp = 2;
constexpr std::size_t kDown = 3;

std::int64_t columns_padded(std::int64_t columns) {
  return (columns + 127) / 128 * 128;
}

}  // namespace

class DecodeStep::Impl {
 public:
  Impl(const StepShape& shape, const at::Tensor& embedding, const at::Tensor& head, const at::Tensor& norm,
       const at::Tensor& inverse_frequencies)
      : shape_(shape),
        device_(embedding.device()),
        embedding_(embedding.to(at::kBFloat16).contiguous()),
        head_(bf16_tiles(head, 64)),
        norm_(norm.to(device_, at::kFloat).contiguous()),
        inverse_frequencies_(inverse_frequencies.to(device_, at::kFloat).contiguous()) {}

  void add_layer(const StepLayer& layer) {
    const auto& p = layer.projections;
    layers_.push_back({layer.attention_norm.to(device_, at::kFloat).contiguous(),
                       layer.mlp_norm.to(device_, at::kFloat).contiguous(),
                       {PackedLinears(p[0]), PackedLinears(p[1]), PackedLinears(p[2]), PackedLinears(p[3])}});
  }

  Output run(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache);
  std::int64_t bytes(bool experts) const;

 private:
  /// The memory, plans and graph of steps of so many rows.
  struct Bucket {
    int rows = 0;
    at::Tensor hidden, second_hidden, normed;  // [M,D] F32
    at::Tensor x_hidden, x_attended, x_gated;  // bf16 panels
    std::array<at::Tensor, 2> y;  // parts of outputs: of qkv and gate_up, and of o and down, which read those
    at::Tensor logits;            // [splits][M][V padded] F32
    at::Tensor down, counters, angles, q, sums, states;
    std::array<ProductPlan, 4> plans;
    std::array<RowSource, 4> sources{};
    ProductPlan head_plan;
    bool ran = false;
    std::optional<StepGraph> graph;
  };

  std::int64_t make_room(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache);
  Bucket& bucket_of(std::int64_t rows);
  void plan(Bucket& bucket) const;
  void set_alpha(const at::Tensor& alpha);
  DecodeProduct product(const Bucket& bucket, std::int64_t layer, std::size_t projection) const;
  DecodeProduct head_product(const Bucket& bucket) const;
  DecodeAttention attention(const Bucket& bucket, std::int64_t layer) const;
  void launch_all(const Bucket& bucket, Stream stream) const;
  void launch_product(const Bucket& bucket, std::int64_t layer, std::size_t projection,
                      const RowParts& source, Stream stream) const;

  at::TensorOptions options(at::ScalarType type) const { return at::TensorOptions(device_).dtype(type); }

  StepShape shape_;
  at::Device device_;
  at::Tensor embedding_;            // [V,D] BF16
  Tiles head_;                      // [V,D]
  at::Tensor norm_;                 // [D] F32
  at::Tensor inverse_frequencies_;  // [C/2] F32
  std::vector<PackedLayer> layers_;
  std::map<std::int64_t, Bucket> buckets_;
  std::optional<RowTables> row_tables_;
  std::optional<CacheTable> cache_table_;
  at::Tensor given_alpha_;  // as given, kept so that its address stays its own
  at::Tensor alpha_;        // [L,S,K] F32, room for S
  std::int64_t alpha_room_ = 0;
};

/// Grows what all buckets share; their graphs hold its addresses.
std::int64_t DecodeStep::Impl::make_room(std::span<const Row> rows, const at::Tensor& alpha,
                                         const KvCache& cache) {
  const auto room_for = [](std::int64_t count) {
    return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
  };
  std::int64_t last_prompt = 0;
  for (const Row& row : rows) {
    last_prompt = std::max(last_prompt, row.place.prompt);
  }
  const std::int64_t chunks = RowTables::chunks_of(rows, cache);
  const bool tables = !row_tables_ || row_tables_->chunk_room() < chunks;
  const bool prompts = !cache_table_ || cache_table_->prompt_room() <= last_prompt;
  const bool sequences = alpha_room_ < alpha.size(1);
  if (tables) {
    row_tables_.emplace(room_for(chunks), device_);
  }
  if (prompts) {
    cache_table_.emplace(shape_.layers, room_for(last_prompt + 1), device_);
  }
  if (sequences) {
    alpha_room_ = room_for(alpha.size(1));
    alpha_ = at::zeros({shape_.layers, alpha_room_, shape_.experts}, options(at::kFloat));
    given_alpha_ = at::Tensor();
  }
  if (tables || prompts || sequences) {
    buckets_.clear();
  }
  return chunks;
}

void DecodeStep::Impl::set_alpha(const at::Tensor& alpha) {
  if (!given_alpha_.is_same(alpha)) {
    alpha_.narrow(1, 0, alpha.size(1)).copy_(alpha);
    given_alpha_ = alpha;
  }
}

DecodeStep::Impl::Bucket& DecodeStep::Impl::bucket_of(std::int64_t rows) {
  const auto m = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(rows)));
  Bucket& b = buckets_[m];
  if (b.rows != 0) {
    return b;
  }
  b.rows = static_cast<int>(m);
  const auto floats = [&](at::IntArrayRef sizes) { return at::empty(sizes, options(at::kFloat)); };
  const auto panels = [&](std::int64_t width) {
    return at::zeros({columns_padded(width) / 8, m, 8}, options(at::kBFloat16));
  };
  const std::int64_t attended = shape_.heads * shape_.head_dim;
  b.hidden = floats({m, shape_.hidden});
  b.second_hidden = floats({m, shape_.hidden});
  b.normed = floats({m, shape_.hidden});
  b.x_hidden = panels(shape_.hidden);
  b.x_attended = panels(attended);
  b.x_gated = panels(shape_.ffn);
  b.counters = at::zeros({shape_.layers * 4}, options(at::kInt));
  b.angles = floats({m, shape_.head_dim / 2, 2});
  b.q = at::zeros({m, attended}, options(at::kBFloat16));
  const std::int64_t parts = row_tables_->chunk_room() + 1;
  b.sums = floats({parts, m, attended});
  b.states = floats({parts, m, shape_.heads, 2});
  plan(b);
  std::int64_t widest = 0;
  std::int64_t widest_down = 1;
  for (std::size_t i = 0; i < 4; ++i) {
    const PackedLinears& linears = layers_[0].projections.at(i);
    widest = std::max(widest, b.plans.at(i).splits * linears.weight.rows);
    for (const PackedLayer& layer : layers_) {
      const PackedLinears& of_layer = layer.projections.at(i);
      widest_down =
          std::max(widest_down, of_layer.ranks * static_cast<std::int64_t>(of_layer.first_rows.size()));
    }
  }
  b.y = {floats({widest, m}), floats({widest, m})};
  b.down = floats({kPartsOfDown * widest_down, m});
  b.logits = floats({b.head_plan.splits, m, head_.rows});
  return b;
}

/// One row is made where it is read, if a variant can.
void DecodeStep::Impl::plan(Bucket& b) const {
  constexpr std::array<RowSource, 4> kSources = {RowSource::kNorm, RowSource::kAttention, RowSource::kNorm,
                                                 RowSource::kSwiglu};
  for (std::size_t i = 0; i < 4; ++i) {
    const DecodeProduct p = product(b, 0, i);
    b.sources.at(i) = kSources.at(i);
    b.plans.at(i) = b.rows == 1 ? plan_product(p, kSources.at(i)) : ProductPlan{};
    if (b.plans.at(i).variant < 0) {
      b.sources.at(i) = RowSource::kMemory;
      b.plans.at(i) = plan_product(p);
    }
  }
  b.head_plan = plan_product(head_product(b));
  const auto planned = [](const ProductPlan& plan) { return plan.variant >= 0; };
  if (!std::all_of(b.plans.begin(), b.plans.end(), planned) || !planned(b.head_plan)) {
    throw_<Error>("a decoding step of {} rows needs more shared memory than this GPU has", b.rows);
  }
}

DecodeProduct DecodeStep::Impl::product(const Bucket& b, std::int64_t layer, std::size_t projection) const {
  const PackedLinears& linears = layers_[static_cast<std::size_t>(layer)].projections.at(projection);
  DecodeProduct p;
  p.weight = linears.weight.view();
  p.adapter = linears.adapter();
  p.adapter.alpha = data<float>(alpha_) + layer * alpha_room_ * shape_.experts;
  p.adapter.sequence = row_tables_->sequences();
  p.adapter.experts = static_cast<int>(shape_.experts);
  p.rows = b.rows;
  if (b.y[0].defined()) {
    const at::Tensor& x = projection == kO ? b.x_attended : projection == kDown ? b.x_gated : b.x_hidden;
    p.x = static_cast<const std::uint16_t*>(x.const_data_ptr());
    p.y = mutable_data<float>(b.y.at(projection % 2));
    p.adapter.down = mutable_data<float>(b.down);
    p.adapter.done = mutable_data<int>(b.counters) + layer * 4 + static_cast<std::int64_t>(projection);
  }
  return p;
}

DecodeProduct DecodeStep::Impl::head_product(const Bucket& b) const {
  DecodeProduct p;
  p.weight = head_.view();
  p.rows = b.rows;
  if (b.logits.defined()) {
    p.x = static_cast<const std::uint16_t*>(b.x_hidden.const_data_ptr());
    p.y = mutable_data<float>(b.logits);
  }
  return p;
}

DecodeAttention DecodeStep::Impl::attention(const Bucket& b, std::int64_t layer) const {
  DecodeAttention op;
  op.tables = row_tables_->view();
  op.shape = {static_cast<int>(shape_.heads), static_cast<int>(shape_.kv_heads),
              static_cast<int>(shape_.head_dim)};
  op.rows = b.rows;
  op.chunk_room = static_cast<int>(row_tables_->chunk_room());
  op.prompts = cache_table_->prompts(layer);
  op.own = cache_table_->own(layer);
  op.qkv = data<float>(b.y[0]);
  op.count = b.plans[kQkv].splits;
  op.angles = data<float2>(b.angles);
  op.q = mutable_data<std::uint16_t>(b.q);
  op.sums = mutable_data<float>(b.sums);
  op.states = mutable_data<float2>(b.states);
  return op;
}

void DecodeStep::Impl::launch_product(const Bucket& b, std::int64_t layer, std::size_t projection,
                                      const RowParts& source, Stream stream) const {
  DecodeProduct p = product(b, layer, projection);
  p.source = source;
  launch_decode_product(p, b.sources.at(projection), b.plans.at(projection), stream);
}

void DecodeStep::Impl::launch_all(const Bucket& b, Stream stream) const {
  const auto width = static_cast<int>(shape_.hidden);
  const auto epsilon = static_cast<float>(shape_.epsilon);
  float* hidden = mutable_data<float>(b.hidden);
  float* other_hidden = mutable_data<float>(b.second_hidden);
  launch_step_start({row_tables_->view(), static_cast<const std::uint16_t*>(embedding_.const_data_ptr()),
                     data<float>(inverse_frequencies_), hidden, mutable_data<float2>(b.angles),
                     mutable_data<int>(b.counters), static_cast<int>(b.counters.numel()), b.rows, width,
                     static_cast<int>(shape_.head_dim / 2)},
                    stream);
  const auto add_norm = [&](const at::Tensor& gain, int parts, float* normed) {
    launch_add_norm({hidden, data<float>(b.y[1]), parts, data<float>(gain),
                     mutable_data<std::uint16_t>(b.x_hidden), normed, b.rows, width, epsilon},
                    stream);
  };
  const auto project_normed = [&](std::int64_t layer, std::size_t projection, const at::Tensor& gain,
                                  int parts) {
    RowParts source;
    if (b.sources.at(projection) == RowSource::kNorm) {
      source.parts = data<float>(b.y[1]);
      source.count = parts;
      source.width = width;
      source.hidden = hidden;
      source.new_hidden = other_hidden;
      source.gain = data<float>(gain);
      source.epsilon = epsilon;
      std::swap(hidden, other_hidden);
    } else {
      add_norm(gain, parts, nullptr);
    }
    launch_product(b, layer, projection, source, stream);
  };
  for (std::int64_t l = 0; l < shape_.layers; ++l) {
    const PackedLayer& layer = layers_[static_cast<std::size_t>(l)];
    project_normed(l, kQkv, layer.attention_norm, l > 0 ? b.plans[kDown].splits : 0);
    const DecodeAttention attend = attention(b, l);
    launch_decode_attention(attend, stream);
    RowParts source;
    if (b.sources[kO] == RowSource::kAttention) {
      source.parts = attend.sums;
      source.states = attend.states;
      source.counted = attend.tables.parts;
      source.heads = attend.shape.heads;
      source.width = attend.shape.heads * attend.shape.size;
    } else {
      launch_join_attention(attend, mutable_data<std::uint16_t>(b.x_attended), stream);
    }
    launch_product(b, l, kO, source, stream);
    project_normed(l, kGateUp, layer.mlp_norm, b.plans[kO].splits);
    source = {};
    if (b.sources[kDown] == RowSource::kSwiglu) {
      source.parts = data<float>(b.y[0]);
      source.count = b.plans[kGateUp].splits;
      source.width = static_cast<int>(shape_.ffn);
    } else {
      launch_gate_up({data<float>(b.y[0]), b.plans[kGateUp].splits, mutable_data<std::uint16_t>(b.x_gated),
                      b.rows, static_cast<int>(shape_.ffn)},
                     stream);
    }
    launch_product(b, l, kDown, source, stream);
  }
  add_norm(norm_, b.plans[kDown].splits, mutable_data<float>(b.normed));
  launch_decode_product(head_product(b), b.head_plan, stream);
  if (b.head_plan.splits > 1) {
    launch_sum_parts(mutable_data<float>(b.logits), b.head_plan.splits, b.logits.numel() / b.head_plan.splits,
                     stream);
  }
}

DecodeStep::Output DecodeStep::Impl::run(std::span<const Row> rows, const at::Tensor& alpha,
                                         const KvCache& cache) {
  make_room(rows, alpha, cache);
  Bucket& b = bucket_of(std::ssize(rows));
  set_alpha(alpha);
  row_tables_->fill(rows, b.rows, cache);
  cache_table_->update(rows, cache);
  const Stream stream = current_stream();
  if (!b.ran) {  // loads the kernels, which cannot be while a graph is captured
    launch_all(b, stream);
    b.ran = true;
  } else {
    if (!b.graph) {
      b.graph.emplace([&](Stream captured) { launch_all(b, captured); });
    }
    b.graph->replay(stream);
  }
  return {b.normed.narrow(0, 0, std::ssize(rows)),
          b.logits[0].narrow(0, 0, std::ssize(rows)).narrow(1, 0, shape_.vocab)};
}

std::int64_t DecodeStep::Impl::bytes(bool experts) const {
  std::int64_t total = head_.bytes();
  for (const PackedLayer& layer : layers_) {
    for (const PackedLinears& linears : layer.projections) {
      total += linears.weight.bytes();
      if (experts && linears.ranks > 0) {
        total += linears.a.bytes() + linears.b.bytes();
      }
    }
  }
  return total;
}

bool DecodeStep::fits(const StepShape& shape) {
  const std::int64_t group = shape.heads / shape.kv_heads;
  return (shape.head_dim == 64 || shape.head_dim == 128) && group <= kMostGroup && shape.experts <= 255 &&
         shape.hidden % 64 == 0 && shape.hidden <= 8192 && shape.ffn % 64 == 0;
}

bool DecodeStep::fits(const Weight& weight) {
  const auto* matrix = std::get_if<Nf4>(&weight);
  return matrix != nullptr && fits_tiles(*matrix);
}

DecodeStep::DecodeStep(const StepShape& shape, const at::Tensor& embedding, const at::Tensor& head,
                       const at::Tensor& norm, const at::Tensor& inverse_frequencies)
    : impl_(std::make_unique<Impl>(shape, embedding, head, norm, inverse_frequencies)) {}

DecodeStep::~DecodeStep() = default;

void DecodeStep::add_layer(const StepLayer& layer) {
  impl_->add_layer(layer);
}

DecodeStep::Output DecodeStep::run(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache) {
  return impl_->run(rows, alpha, cache);
}

std::int64_t DecodeStep::bytes(bool experts) const {
  return impl_->bytes(experts);
}

}  // namespace routedk::kernels::cuda
