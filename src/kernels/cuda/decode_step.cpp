#include "routedk/kernels/cuda/decode_step.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <utility>

#include "step_graph.h"
#include "step_launches.h"
#include "step_memory.h"
#include "step_tables.h"
#include "step_weights.h"
#include "tensors.h"

namespace routedk::kernels::cuda {
namespace {

constexpr std::int64_t kMostGroup = 8;

std::int64_t power_of_2_from(std::int64_t count) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
}

}  // namespace

class DecodeStep::Impl {
 public:
  explicit Impl(StepWeights weights) : weights_(std::move(weights)) {}

  StepWeights& weights() { return weights_; }
  Output run(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache);

 private:
  /// The state for steps of a given number of rows.
  struct Bucket {
    StepMemory memory;
    bool ran = false;
    std::optional<StepGraph> graph;

    explicit Bucket(StepMemory m) : memory(std::move(m)) {}
  };

  void make_room(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache);
  void set_alpha(const at::Tensor& alpha);
  Bucket& bucket_of(std::int64_t rows);
  void launch(Bucket& bucket);
  void launch_all(const Bucket& bucket, Stream stream) const;

  StepWeights weights_;
  std::map<std::int64_t, Bucket> buckets_;
  std::optional<RowTables> row_tables_;
  std::optional<CacheTable> cache_table_;
  at::Tensor given_alpha_;  // as given; kept so that its address is not reused
  at::Tensor alpha_;        // [L,S,K] F32, with room for S
};

/// Grows what all buckets share; their graphs contain its addresses.
void DecodeStep::Impl::make_room(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache) {
  const StepShape& shape = weights_.shape;
  std::int64_t last_prompt = 0;
  for (const Row& row : rows) {
    last_prompt = std::max(last_prompt, row.place.prompt);
  }
  const std::int64_t chunks = RowTables::chunks_of(rows, cache);
  const bool tables = !row_tables_ || row_tables_->chunk_room() < chunks;
  const bool prompts = !cache_table_ || cache_table_->prompt_room() <= last_prompt;
  const bool sequences = !alpha_.defined() || alpha_.size(1) < alpha.size(1);
  if (tables) {
    row_tables_.emplace(power_of_2_from(chunks), weights_.device);
  }
  if (prompts) {
    cache_table_.emplace(shape.layers, power_of_2_from(last_prompt + 1), weights_.device);
  }
  if (sequences) {
    alpha_ = at::zeros({shape.layers, power_of_2_from(alpha.size(1)), shape.experts},
                       at::TensorOptions(weights_.device).dtype(at::kFloat));
    given_alpha_ = at::Tensor();
  }
  if (tables || prompts || sequences) {
    buckets_.clear();
  }
}

void DecodeStep::Impl::set_alpha(const at::Tensor& alpha) {
  if (!given_alpha_.is_same(alpha)) {
    alpha_.narrow(1, 0, alpha.size(1)).copy_(alpha);
    given_alpha_ = alpha;
  }
}

DecodeStep::Impl::Bucket& DecodeStep::Impl::bucket_of(std::int64_t rows) {
  const std::int64_t m = power_of_2_from(rows);
  const auto found = buckets_.find(m);
  if (found != buckets_.end()) {
    return found->second;
  }
  const auto count = static_cast<int>(m);
  const std::optional<StepPlan> plan = plan_step(weights_, count);
  if (!plan) {
    throw_<Error>("a decoding step of {} rows needs more shared memory than this GPU has", m);
  }
  return buckets_.try_emplace(m, StepMemory(weights_, *plan, count, row_tables_->chunk_room())).first->second;
}

void DecodeStep::Impl::launch_all(const Bucket& bucket, Stream stream) const {
  StepLaunches(weights_, {*row_tables_, *cache_table_, alpha_}, bucket.memory).launch(stream);
}

void DecodeStep::Impl::launch(Bucket& bucket) {
  const Stream stream = current_stream();
  if (!bucket.ran) {  // loads the kernels, which is impossible during graph capture
    launch_all(bucket, stream);
    bucket.ran = true;
    return;
  }
  if (!bucket.graph) {
    bucket.graph.emplace([this, &bucket](Stream captured) { launch_all(bucket, captured); });
  }
  bucket.graph->replay(stream);
}

DecodeStep::Output DecodeStep::Impl::run(std::span<const Row> rows, const at::Tensor& alpha,
                                         const KvCache& cache) {
  make_room(rows, alpha, cache);
  Bucket& bucket = bucket_of(std::ssize(rows));
  const StepMemory& memory = bucket.memory;
  set_alpha(alpha);
  row_tables_->fill(rows, memory.rows, cache);
  cache_table_->update(rows, cache);
  launch(bucket);
  return {memory.normed.narrow(0, 0, std::ssize(rows)),
          memory.logits[0].narrow(0, 0, std::ssize(rows)).narrow(1, 0, weights_.shape.vocab)};
}

bool DecodeStep::fits(const StepShape& shape) {
  const std::int64_t group = shape.heads / shape.kv_heads;
  return (shape.head_dim == 64 || shape.head_dim == 128) && group <= kMostGroup && shape.experts <= 255 &&
         shape.hidden % 64 == 0 && shape.hidden <= 8192 && shape.ffn % 64 == 0;
}

bool DecodeStep::fits(const Weight& weight, StepFormat format) {
  if (format == StepFormat::kNf4) {
    const auto* matrix = std::get_if<Nf4>(&weight);
    return matrix != nullptr && fits_tiles(*matrix);
  }
  return out_features(weight) % 16 == 0 && in_features(weight) % 64 == 0;
}

DecodeStep::DecodeStep(const StepShape& shape, StepFormat format, const at::Tensor& embedding,
                       const at::Tensor& head, const at::Tensor& norm, const at::Tensor& inverse_frequencies)
    : impl_(std::make_unique<Impl>(
          StepWeights{shape,
                      format,
                      embedding.device(),
                      embedding.to(at::kBFloat16).contiguous(),
                      bf16_tiles(head, 64),
                      norm.to(embedding.device(), at::kFloat).contiguous(),
                      inverse_frequencies.to(embedding.device(), at::kFloat).contiguous(),
                      {}})) {}

DecodeStep::~DecodeStep() = default;

void DecodeStep::add_layer(const StepLayer& layer) {
  impl_->weights().add_layer(layer);
}

std::int64_t DecodeStep::most_rows() const {
  std::int64_t most = 0;
  for (std::int64_t rows = 1; rows <= kMostRows && plan_step(impl_->weights(), static_cast<int>(rows));
       rows *= 2) {
    most = rows;
  }
  return most;
}

DecodeStep::Output DecodeStep::run(std::span<const Row> rows, const at::Tensor& alpha, const KvCache& cache) {
  return impl_->run(rows, alpha, cache);
}

std::int64_t DecodeStep::bytes(bool experts) const {
  return impl_->weights().bytes(experts);
}

}  // namespace routedk::kernels::cuda
